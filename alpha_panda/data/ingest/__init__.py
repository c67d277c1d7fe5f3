"""From the files that people have to the catalog: recognised by their columns, checked row by row, merged."""

from alpha_panda.data.ingest.run import FileReport, IngestReport, ingest

__all__ = ["FileReport", "IngestReport", "ingest"]
