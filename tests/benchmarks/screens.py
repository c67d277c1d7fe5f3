"""What it costs the orders of a session that eight people look at it and programs ask for it all the time.

`python -m tests.benchmarks.screens nobody|process|thread SECONDS` runs one session and prints what it took as JSON.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Literal

import numpy as np

from alpha_panda.live.log.base import Log
from tests.benchmarks.feeding import BATCH_S
from tests.benchmarks.latency import Stopwatch, paced_market
from tests.benchmarks.measuring import REPEATS, ROOT, Row, in_fresh_process
from tests.benchmarks.places import Place, places
from tests.benchmarks.sessions import session

Where = Literal["nobody", "process", "thread"]

TICKS_A_SECOND = 2_000
_OPENING_S = 20.0
"""How long the session runs before it is measured: until all pages are open."""

_LINK = re.compile(r"http://\S+#link=\S+")
_TICKS_OF_PROCESSOR = os.sysconf("SC_CLK_TCK")


def watched(case: str, where: Where, seconds: float = 20.0, repeats: int = REPEATS) -> Row:
    """From when a batch of ticks is due to when an order that it leads to is acknowledged, while people look on.

    The web app is in a `process` of its own or in a `thread` of the one that trades. Eight viewers have the overview
    open, which is drawn ten times a second, twenty orders a second are made, and programs ask for 200 answers a second
    and follow the stream. The anchor is the same session with no web app at all; the two are run in turn, each in a
    process of its own, and each figure is the median of all runs, or the range of the runs.
    """
    alone, seen = [], []
    for _ in range(repeats):
        alone.append(_in_turn("nobody", seconds))
        seen.append(_in_turn(where, seconds))
    medians_s, anchors_s = ([float(np.median(run["waits_ms"])) / 1e3 for run in runs] for runs in (seen, alone))
    took_s, anchor_s = float(np.median(medians_s)), float(np.median(anchors_s))
    rss_mib = max(seen[-1]["rss_mib"].values())
    answers = float(np.median([run["visits"]["answered_a_second"] for run in seen]))
    return Row(case, took_s, answers, anchor_s, took_s / anchor_s, rss_mib, _note(alone, seen))


def _in_turn(where: Where, seconds: float) -> dict[str, Any]:
    return in_fresh_process("tests.benchmarks.screens", where, seconds)


def _note(alone: Sequence[dict[str, Any]], seen: Sequence[dict[str, Any]]) -> str:
    visits = [run["visits"] for run in seen]
    flushes = [rate for each in visits for rate in each["flushes_a_second"]]
    answers = np.median([each["answer_ms"] for each in visits], axis=0)
    shares = {name: np.median([run["shares"][name] for run in seen]) for name in seen[0]["shares"]}
    sizes = {name: np.median([run["rss_mib"][name] for run in seen]) for name in seen[0]["rss_mib"]}
    orders = sum(len(run["waits_ms"]) for run in seen)
    return "; ".join(
        [
            f"answers; ms to {orders:,} orders p50 {_percentile(seen, 50)}, p99 {_percentile(seen, 99)}",
            f"without it p50 {_percentile(alone, 50)}, p99 {_percentile(alone, 99)}",
            f"answers p50/p99 {answers[0]:,.1f}/{answers[1]:,.1f} ms, {_unwell(visits)} not well",
            f"{len(flushes) // len(visits)} viewers with {min(flushes):,.1f} to {max(flushes):,.1f} flushes/s",
            f"of a core, of {os.cpu_count()}: {', '.join(f'{name} {share:.0%}' for name, share in shares.items())}"
            f" (without it {np.median([run['shares']['session'] for run in alone]):.0%})",
            f"MiB: {', '.join(f'{name} {size:,.0f}' for name, size in sizes.items())}",
        ]
    )


def _percentile(runs: Sequence[dict[str, Any]], percent: float) -> str:
    """Return a percentile of all orders, and how far apart those of the runs are."""
    each = [np.percentile(run["waits_ms"], percent) for run in runs]
    return f"{np.median(each):,.2f} ({min(each):,.2f} to {max(each):,.2f})"


def _unwell(visits: Sequence[dict[str, Any]]) -> int:
    return sum(count for each in visits for status, count in each["statuses"].items() if status not in ("200", "304"))


# ── One session ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def run(where: Where, place: Place, seconds: float) -> dict[str, Any]:
    """Trade for a while, and return the waits of its orders, and what each process took and said."""
    feed, terms = paced_market(TICKS_A_SECOND, _OPENING_S + seconds)
    watch, outcome = Stopwatch(feed), dict[str, Any]()
    async with web(where, place.state) as (link, processes):

        async def look_on(_: Log) -> None:
            outcome.update(await _looked_on(link, processes, seconds))

        await session(place, feed, terms, watch, look_on)
    if not outcome:
        raise RuntimeError("the visitors did not stay until the end: they say why")
    acknowledged, _ = watch.waits_s(since_batch=round(_OPENING_S / BATCH_S))
    return {"waits_ms": [round(each * 1e3, 3) for each in acknowledged], **outcome}


async def _looked_on(link: str, shares: dict[str, pathlib.Path], seconds: float) -> dict[str, Any]:
    """Let visitors come where there is something to see, and return what each process took from then on."""
    begin_s = time.monotonic() + _OPENING_S
    end_s = begin_s + seconds - 0.5  # before the session ends
    async with contextlib.AsyncExitStack() as resources:
        visiting = None
        if link:
            visiting = await _started("tests.benchmarks.visiting", link, begin_s, end_s)
            resources.callback(_kill, visiting)
            shares = {**shares, "visitors": pathlib.Path(f"/proc/{visiting.pid}")}
        await asyncio.sleep(begin_s - time.monotonic())
        before = {name: _processor_s(process) for name, process in shares.items()}
        await asyncio.sleep(end_s - time.monotonic())
        took = {name: (_processor_s(each) - before[name]) / (end_s - begin_s) for name, each in shares.items()}
        sizes = {name: _rss_mib(each) for name, each in shares.items() if each.parent.name != "task"}
        said = json.loads((await visiting.communicate())[0]) if visiting is not None else {}
    return {"shares": took, "rss_mib": sizes, "visits": said}


@contextlib.asynccontextmanager
async def web(where: Where, state: pathlib.Path) -> AsyncGenerator[tuple[str, dict[str, pathlib.Path]]]:
    """Give the link to the web app, and where the kernel keeps accounts of each process or thread."""
    os.environ["ALPHA_PANDA_DATABASE_URL"] = f"sqlite:///{state.parent / 'web.db'}"
    ours = {"session": pathlib.Path("/proc/self")}
    if where == "nobody":
        yield "", ours
    elif where == "process":
        process = await _started("tests.benchmarks.serving", state)
        try:
            yield await _link(process), {**ours, "web": pathlib.Path(f"/proc/{process.pid}")}
        finally:
            _kill(process)
            await process.wait()
    else:
        from alpha_panda.apps.web.beside import web_beside
        from alpha_panda.apps.web.build import WebOptions
        from tests.benchmarks.serving import hurry

        hurry()
        lines: asyncio.Queue[str] = asyncio.Queue()
        tell = _across(lines.put_nowait)
        async with web_beside(WebOptions(state=state), 0, tell):
            link = None
            while link is None:
                link = _LINK.search(await lines.get())
            (thread,) = (each for each in threading.enumerate() if each.name == "web")
            yield link[0], {**ours, "web thread of it": pathlib.Path(f"/proc/self/task/{thread.native_id}")}


def _across(told: Callable[[str], None]) -> Callable[[str], None]:
    loop = asyncio.get_running_loop()
    return lambda line: None if loop.is_closed() else loop.call_soon_threadsafe(told, line) and None


async def _started(module: str, *arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, arguments), stdout=subprocess.PIPE, cwd=ROOT
    )


async def _link(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        if found := _LINK.search(line.decode()):
            return found[0]
    raise RuntimeError("the web app did not start")


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _processor_s(process: pathlib.Path) -> float:
    """Return how long a process, or one thread of it, has had a processor, which only Linux says so."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_OF_PROCESSOR


def _rss_mib(process: pathlib.Path) -> float:
    (line,) = (line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def main(where: Where, seconds: str) -> None:
    """Run one session and print its figures."""
    with places("embedded") as new_place:
        print(json.dumps(asyncio.run(run(where, new_place(), float(seconds)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
