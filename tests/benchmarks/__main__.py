"""`python -m tests.benchmarks [WORD ...]`: run the cases whose names contain a word, or all, and show a table."""

import dataclasses
import json
import os
import pathlib
import sys

import pytest

from alpha_panda.terminal import progress, show, table
from tests.benchmarks.cases import CASES
from tests.benchmarks.measuring import REPEATS, Row, in_fresh_process

RESULTS = pathlib.Path(__file__).with_name("results.json")
_COLUMNS = ("case", "median>", "rate>", "anchor>", "ratio>", "peak MiB>", "events, and what came of them")


def main(arguments: list[str]) -> None:
    """Run cases; one named after `--here` runs in this process and prints its row as JSON."""
    if arguments[:1] == ["--here"]:
        print(json.dumps(dataclasses.asdict(_here(arguments[1]))))
        return
    chosen = [name for name in CASES if not arguments or any(word in name for word in arguments)]
    rows: list[Row] = []
    with progress("benchmarks") as tell:
        for done, name in enumerate(chosen):
            tell(done, len(chosen), name)
            rows.append(Row(**in_fresh_process("tests.benchmarks", "--here", name)))
    RESULTS.write_text(json.dumps([_figures(row) for row in rows], indent=2) + "\n")
    show(table(f"Medians of {REPEATS} on {os.cpu_count()} cores", _COLUMNS, map(_cells, rows)))
    show("The anchor is a loop written by hand for the same task alone; the ratio is our time over its time.")


def _here(name: str) -> Row:
    """Run a case in this process; one that needs what this machine has not says so, as a test would."""
    try:
        return CASES[name](name)
    except pytest.skip.Exception as skipped:
        return Row(name, 0.0, 0.0, 0.0, 0.0, 0.0, f"skipped: {skipped}")


def _figures(row: Row) -> dict[str, object]:
    """Return the columns of the results' file."""
    return {name: value for name, value in dataclasses.asdict(row).items() if name != "note"}


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.case,
        _duration(row.seconds),
        _rate(row.rate),
        _duration(row.anchor_seconds),
        f"{row.ratio:,.1f}",
        f"{row.peak_rss_mib:,.0f}",
        row.note,
    )


def _duration(seconds: float) -> str:
    return f"{seconds * 1_000:,.2f} ms" if seconds < 1 else f"{seconds:,.2f} s"


def _rate(rate: float) -> str:
    return f"{rate / 1e6:,.1f} M/s" if rate > 1e6 else f"{rate / 1e3:,.1f} k/s" if rate > 1e3 else f"{rate:,.2f} /s"


if __name__ == "__main__":
    main(sys.argv[1:])
