"""From the files that people have to the catalog: recognised by their content, checked row by row, merged."""

from alpha_panda.data.ingest.reading import Zone
from alpha_panda.data.ingest.report import FileReport, IngestReport
from alpha_panda.data.ingest.run import ingest

__all__ = ["FileReport", "IngestReport", "Zone", "ingest"]
