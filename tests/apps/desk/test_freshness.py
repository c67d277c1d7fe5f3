"""A store that answers is well only where it shows what the log says; else it says how old that is, and why."""

import asyncio
import pathlib
import shutil
from collections.abc import AsyncIterator, Sequence
from typing import Literal

import pytest

from alpha_panda.apps.desk.freshness import Freshness
from alpha_panda.apps.desk.models import Source
from alpha_panda.apps.desk.reports import Reports
from alpha_panda.apps.desk.sources import Reading, folder_source, log_source, store_source
from alpha_panda.live.log.base import Log
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Phase, StageReport
from alpha_panda.live.portfolio import Folding, topics_of
from alpha_panda.live.store.base import Places
from alpha_panda.live.store.redis import RedisStore
from alpha_panda.units import SECOND_NS
from tests.live.trading import PAPER, ChoppedFeed, morning, run_in, run_on

NOW_NS = 1_795_000_000 * SECOND_NS
LATER_NS = NOW_NS + 6 * SECOND_NS


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return the folder of a log of the first minutes of a morning."""
    folder = tmp_path_factory.mktemp("traded")
    asyncio.run(run_in(folder, ChoppedFeed(morning()[:5_000])))
    return folder


@pytest.fixture
async def log(traded: pathlib.Path, tmp_path: pathlib.Path) -> AsyncIterator[Log]:
    """Give a copy of that log."""
    async with SqliteLog(shutil.copytree(traded, tmp_path / "copy")) as log:
        yield log


async def folded(log: Log, steps: int = 1_000, records: int = 512) -> Places:
    """Return how far a store comes in some steps of the fold."""
    async with await RedisStore.open(None) as store:
        folding = Folding(log, store, PAPER)
        await folding.begin()
        for _ in range(steps):
            if not await folding.step(records):
                break
        return (await store.standing("paper")).places


def freshness() -> Freshness:
    return Freshness(topics_of(PAPER))


def source(
    found: Freshness,
    now_ns: int,
    phase: Phase | Literal[""] = "running",
    silent_s: int = 0,
    trouble: str = "",
    missing: str = "",
    log_trouble: str = "",
    folds: bool = False,
    log_read_ns: int = LATER_NS,
) -> Source:
    """Return the store as the screens show it, beside a portfolio stage that last reported so long ago."""
    reports = Reports()
    if phase:
        heard_ns = now_ns - silent_s * SECOND_NS
        reports.take(StageReport("portfolio", (0,), "first", phase, heard_ns, (), {}), heard_ns)
    stages = [stage for stage in reports.stages(now_ns) if stage.stage == "portfolio"]
    log = log_source(Reading(str, log_trouble, log_read_ns), missing, 0, now_ns)
    return store_source(Reading(str, trouble, now_ns), found, stages, log, folds, now_ns)


async def test_a_store_that_shows_all_there_is_is_well(log: Log):
    found = freshness()
    await found.compare(log, await folded(log), NOW_NS)

    shown = source(found, LATER_NS, "ended")
    assert (shown.well, shown.trouble) == (True, "")
    assert (shown.behind, shown.complete_ns) == (0, NOW_NS)
    assert shown.market_ns == morning()[4_999]["time_ns"]


async def test_who_took_the_topics_over_and_wrote_nothing_is_not_lacked(log: Log):
    places = await folded(log)
    await run_on(log, ChoppedFeed(morning()[:5_000]))
    found = freshness()
    await found.compare(log, places, NOW_NS)

    assert sum([await log.end(topic, 0) for topic in topics_of(PAPER)]) > sum(place.offset for place in places.values())
    assert (found.behind, found.complete_ns) == (0, NOW_NS)


@pytest.mark.parametrize(
    ("phase", "silent_s", "why"),
    [
        ("running", 30, "the portfolio stage is silent"),
        ("", 0, "the portfolio stage is silent"),
        ("running", 0, "the portfolio stage catches up"),
        ("failed", 0, "the portfolio stage has failed"),
        ("ended", 0, "the portfolio stage has ended, and alpha-panda rebuild folds them"),
    ],
)
async def test_a_store_that_grows_no_more_says_how_old_it_is_and_why(log: Log, phase: Phase, silent_s: int, why: str):
    found, places = freshness(), await folded(log, steps=1, records=1)
    await found.compare(log, places, NOW_NS)
    await found.compare(log, places, LATER_NS)

    shown = source(found, LATER_NS, phase, silent_s)
    assert (shown.well, shown.is_read) == (False, True)
    assert shown.behind is not None
    assert shown.trouble.startswith("it shows the account until 20 Nov 09:")
    assert shown.trouble.endswith(f"of the market, {shown.behind:,} records behind the log: {why}")


async def test_a_store_that_follows_from_moment_to_moment_is_well_and_knows_until_when(log: Log):
    found, places = freshness(), await folded(log)
    await found.compare(log, places, NOW_NS)
    await run_on(log, ChoppedFeed(morning()[:6_000]))
    await found.compare(log, places, NOW_NS + 2 * SECOND_NS)

    shown = source(found, NOW_NS + 3 * SECOND_NS)
    assert shown.well
    assert shown.behind
    assert shown.complete_ns == NOW_NS
    assert not source(found, NOW_NS + 8 * SECOND_NS).well
    await run_on(log, ChoppedFeed(morning()[:7_000]))
    more = await folded(log)
    await run_on(log, ChoppedFeed(morning()[:8_000]))
    await found.compare(log, more, NOW_NS + 9 * SECOND_NS)
    # It lacks something again, but nothing of what it lacked before.
    assert (found.complete_ns, found.lacking_ns) == (NOW_NS + 2 * SECOND_NS, NOW_NS + 9 * SECOND_NS)


async def test_an_older_copy_of_the_store_is_not_taken_for_what_it_was(log: Log):
    found = freshness()
    await found.compare(log, await folded(log), NOW_NS)
    await found.compare(log, await folded(log, steps=1, records=1), NOW_NS + SECOND_NS)

    shown = source(found, NOW_NS + SECOND_NS)
    assert not shown.well
    assert shown.complete_ns == 0


async def test_a_store_that_shows_more_than_the_log_says_so(log: Log, tmp_path: pathlib.Path):
    places = await folded(log)
    async with SqliteLog(tmp_path / "older") as older:
        await run_on(older, ChoppedFeed(morning()[:1_000]))
        found = freshness()
        await found.compare(older, places, NOW_NS)

    shown = source(found, NOW_NS)
    assert not shown.well
    assert "are not on the log: one of the two is an older copy" in shown.trouble


async def test_nobody_can_tell_how_old_the_store_is_without_the_log(log: Log):
    found = freshness()
    await found.compare(log, await folded(log), NOW_NS)

    shown = source(found, LATER_NS, log_trouble="no broker answers")
    assert not shown.well
    assert shown.trouble == "nobody can tell how old it is while the event log is away"
    assert shown.complete_ns == NOW_NS
    assert source(found, LATER_NS, log_trouble="nobody has looked yet", log_read_ns=0).well


async def test_a_fold_of_this_process_names_what_it_waits_for(log: Log):
    found = freshness()
    await found.compare(log, await folded(log, steps=1, records=1), NOW_NS)

    assert source(found, NOW_NS, folds=True).trouble.endswith(": they are being folded")
    waits = source(found, NOW_NS, folds=True, missing="paper.journal/0 lacks sequence 3")
    assert waits.trouble.endswith(": paper.journal/0 lacks sequence 3: alpha-panda dlq replay puts it back")


def test_what_has_not_been_read_for_long_is_not_well_whatever_it_said():
    sources: Sequence[Source] = [
        log_source(Reading(str, "", NOW_NS), "", 0, LATER_NS),
        folder_source(Reading(str, "", NOW_NS), LATER_NS),
    ]
    assert [(each.well, each.is_read, each.trouble) for each in sources] == [
        (False, False, "it has not answered for 6 s")
    ] * 2


def test_a_log_that_lacks_a_record_is_read_and_not_well():
    shown = log_source(Reading(str, "", NOW_NS), "control/0 lacks sequence 3", 7, NOW_NS)
    assert (shown.well, shown.is_read, shown.complete_ns, shown.market_ns) == (False, True, 0, 7)
    assert shown.trouble == "control/0 lacks sequence 3: alpha-panda dlq replay puts it back"
