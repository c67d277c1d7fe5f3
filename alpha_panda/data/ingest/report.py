"""What became of every row of every file that was ingested."""

import pathlib
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class FileReport:
    """What became of one file: `rows` is `written` plus `present` plus all that is `quarantined`."""

    path: pathlib.Path
    source: str
    symbols: tuple[str, ...]
    rows: int
    written: int
    present: int  # in the catalog already
    quarantined: dict[str, int]  # by reason


@dataclass(frozen=True)
class IngestReport:
    """What became of all files; `passed_over` are those in a folder in which there was nothing to ingest, and why."""

    files: tuple[FileReport, ...]
    passed_over: dict[pathlib.Path, str]

    @property
    def rows(self) -> int:
        """Rows read."""
        return sum(file.rows for file in self.files)

    @property
    def written(self) -> int:
        """Rows that are new in the catalog."""
        return sum(file.written for file in self.files)

    @property
    def present(self) -> int:
        """Rows that the catalog already held."""
        return sum(file.present for file in self.files)

    @property
    def quarantined(self) -> dict[str, int]:
        """Rows refused, by reason."""
        return dict(sum((Counter(file.quarantined) for file in self.files), start=Counter[str]()))
