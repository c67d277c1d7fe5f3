"""How every case is measured: medians of five, beside an anchor timed in the same process in turn with it."""

import dataclasses
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

REPEATS = 5
ROOT = pathlib.Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table; `ratio` is the case's time over the anchor's."""

    case: str
    seconds: float
    rate: float  # of what the note says first, a second
    anchor_seconds: float
    ratio: float
    peak_rss_mib: float
    note: str = ""


def measured(
    case: str,
    work: float,
    task: Callable[[Any], Any],
    anchor: Callable[[], Any],
    note: Callable[[Any], str],
    prepare: Callable[[], Any] = lambda: None,
    repeats: int = REPEATS,
) -> Row:
    """Time `task` and `anchor` in turn, after one unmeasured round that compiles; `work` over seconds is the rate.

    `prepare` makes what a task changes, outside of the measured time; `note` says what the last task did.
    """
    task(prepare())
    anchor()
    seconds: list[float] = []
    anchor_seconds: list[float] = []
    outcome = None
    for _ in range(repeats):
        prepared = prepare()
        anchor_seconds.append(timed(anchor)[0])
        elapsed, outcome = timed(lambda prepared=prepared: task(prepared))
        seconds.append(elapsed)
    return row(case, work, seconds, anchor_seconds, peak_rss_mib(), note(outcome))


def row(
    case: str, work: float, seconds: Sequence[float], anchor_seconds: Sequence[float], peak_mib: float, note: str
) -> Row:
    """Return the medians as a row."""
    took, anchored = statistics.median(seconds), statistics.median(anchor_seconds)
    return Row(case, took, work / took, anchored, took / anchored, peak_mib, note)


def timed(task: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long a task took, in seconds, and what it returned."""
    start = time.perf_counter()
    outcome = task()
    return time.perf_counter() - start, outcome


def peak_rss_mib() -> float:
    """Return the most memory this process ever held, in MiB.

    Linux's own figure since the program began; `getrusage` would count what the parent held when it forked.
    """
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


def in_fresh_process(module: str, *arguments: object, environment: dict[str, str] | None = None) -> Any:
    """Return what `python -m module arguments` printed as JSON, run from the root of the checkout."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT, env=environment).stdout
    return json.loads(printed)
