"""How a session is doing, from what its stages said and did not say."""

import asyncio
import pathlib
from typing import Any

import pytest

from alpha_panda.errors import RecoveryError
from alpha_panda.kernels.records import HALTED
from alpha_panda.live.control.commands import Spool, command_message
from alpha_panda.live.control.killswitch import KillSwitch
from alpha_panda.live.envelope import Envelope, encode
from alpha_panda.live.log.base import NewRecord
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Decision, Fill, Payload, Phase, Place, Session, StageReport, Ticks
from alpha_panda.live.payloads import Names
from alpha_panda.live.routing import new_record
from alpha_panda.live.topics import SESSIONS, STAGES, BrokerTopics, market_ticks
from alpha_panda.live.watch import overview as overview_module
from alpha_panda.live.watch.figures import account_figures
from alpha_panda.live.watch.overview import Overview, Position, StageView, look
from alpha_panda.units import SECOND_NS
from tests.live.samples import DECISION, FILL, PAYLOADS, RELIANCE, SNAPSHOT, changed
from tests.market import Desk, path, profile, strategy_terms

PAPER = BrokerTopics.of("paper")
NOW_NS = 1_763_700_300 * SECOND_NS
MARKET_NS = NOW_NS - 60 * SECOND_NS
SESSION = next(each for each in PAYLOADS if isinstance(each, Session))
BEGUN = changed(SESSION, profile='{"account": {"broker": "paper"}, "strategies": []}')


def envelope(data: Payload, time_ns: int = MARKET_NS) -> Envelope:
    return Envelope.begin(data, origin="session", source="test", index=0, time_ns=time_ns)


def report(
    stage: str, phase: Phase = "running", age_s: float = 1.0, holder: str = "process 7 on vm", **fields: Any
) -> NewRecord:
    """Return what a stage said some seconds ago."""
    reported_ns = NOW_NS - round(age_s * SECOND_NS)
    said: dict[str, Any] = {"partitions": (0,), "places": (), "figures": {}, **fields}
    data = StageReport(stage, holder=holder, phase=phase, reported_ns=reported_ns, **said)
    return new_record(STAGES, envelope(data, reported_ns))


ALL_WELL = [report(stage) for stage in ("feed", "signals", "account", "portfolio")]


def seen(state: pathlib.Path, *records: NewRecord, session: Session | None = BEGUN) -> Overview:
    """Return the overview of a session with these records on its log."""

    async def scenario() -> Overview:
        first = [new_record(SESSIONS, envelope(session))] if session else []
        async with SqliteLog(state) as log:
            await log.append([*first, *records])
            return await look(log, state, KillSwitch(state, lambda: 0.0), NOW_NS)

    return asyncio.run(scenario())


def views(overview: Overview, stage: str) -> list[StageView]:
    return [view for view in overview.stages if view.stage == stage]


# ── Stages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_whose_stages_reported_a_moment_ago_is_well(tmp_path: pathlib.Path):
    overview = seen(tmp_path, *ALL_WELL)
    assert overview.troubles == []
    assert [view.stage for view in overview.stages] == ["feed", "signals", "account", "portfolio"]
    assert {view.age_s for view in overview.stages} == {1.0}


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        (report("signals", age_s=5.0), []),
        (report("signals", age_s=5.1), ["signals silent"]),
        (report("signals", "recovering", age_s=60), ["signals silent"]),
        (report("signals", "failed"), ["signals failed"]),
        (report("signals", "ended", age_s=3_600), []),
        (report("signals", "stopped", age_s=3_600), []),
    ],
)
def test_a_stage_that_is_silent_or_has_failed_is_in_trouble(
    said: NewRecord, trouble: list[str], tmp_path: pathlib.Path
):
    others = [report(stage) for stage in ("feed", "account", "portfolio")]
    assert seen(tmp_path, *others, said).troubles == trouble


def test_a_stage_that_never_said_anything_is_in_trouble(tmp_path: pathlib.Path):
    assert seen(tmp_path, *ALL_WELL[:3]).troubles == ["portfolio never reported"]


def test_the_last_thing_that_a_stage_said_counts(tmp_path: pathlib.Path):
    overview = seen(tmp_path, *ALL_WELL, report("feed", "failed", age_s=0.5, note="the socket was closed"))
    assert [(view.phase, view.note) for view in views(overview, "feed")] == [("failed", "the socket was closed")]


def test_two_processes_share_a_stage_and_one_that_was_taken_over_is_not_shown(tmp_path: pathlib.Path):
    both = [report("signals", holder=f"process {number} on vm", partitions=(number,)) for number in (1, 2)]
    gone = report("signals", age_s=30, holder="process 0 on vm")
    overview = seen(tmp_path, gone, *ALL_WELL[:1], *ALL_WELL[2:], *both)
    assert [(view.holder, view.partitions) for view in views(overview, "signals")] == [
        ("process 1 on vm", (1,)),
        ("process 2 on vm", (2,)),
    ]
    assert overview.troubles == []


def test_a_process_that_went_on_where_another_ended_is_shown_alone(tmp_path: pathlib.Path):
    before = [report(stage, "stopped", age_s=60, holder="process 1 on vm") for stage in ("feed", "account")]
    overview = seen(tmp_path, *before, *ALL_WELL)
    assert {view.holder for view in overview.stages} == {"process 7 on vm"}


def test_lag_and_market_time_are_those_of_the_place_where_a_stage_reads_on(tmp_path: pathlib.Path):
    times_ns = [MARKET_NS + number * SECOND_NS for number in range(5)]
    frames = [new_record(market_ticks(), envelope(Ticks(0, b"", 0), time_ns)) for time_ns in times_ns]
    reads = report("signals", places=(Place("market.ticks", 0, 3), Place("elsewhere", 0, 1)))
    overview = seen(tmp_path, *frames, *ALL_WELL[:1], *ALL_WELL[2:], reads)
    (signals,), (feed,) = views(overview, "signals"), views(overview, "feed")
    assert (signals.lag, signals.market_ns) == (2, times_ns[2])
    # The feed reads nothing of the log: it has come as far as what it wrote.
    assert (feed.lag, feed.market_ns) == (None, times_ns[4])


# ── The account ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_account_is_as_its_stage_reports_it(tmp_path: pathlib.Path):
    terms = profile(strategy_terms(capital=1_000, size={"mode": "units", "value": 10}), risk={"day_loss_halt": 0.03})
    desk = Desk(path("10:00", 100, 100, 95), (0, 1.0), terms=terms)
    figures = account_figures(desk.stage, Names(desk.stage.strategies, (1,)))
    seen_account = seen(tmp_path, *ALL_WELL, report("account", figures=figures), ANSWER).account
    assert seen_account is not None
    account = desk.account
    assert account["state"] == HALTED
    assert seen_account.state == "halted"
    assert seen_account.equity_e4 == account["equity_e4"]
    assert seen_account.day_e4 == account["equity_e4"] - account["day_start_equity_e4"] < 0
    assert (seen_account.positions, seen_account.orders_working, seen_account.fills) == (1, 1, 1)


def test_strategies_that_are_paused_or_disabled_are_named(tmp_path: pathlib.Path):
    wild = {"order_type": "LIMIT", "offset_ticks": 60}
    terms = profile(strategy_terms("one", entry=wild), strategy_terms("two"), risk={"collar": 0.02, "rejects": 1})
    desk = Desk(path("10:00", 100, 100), (0, 1.0), terms=terms, commands=[(1, "pause", "two")])
    account = seen(
        tmp_path, report("account", figures=account_figures(desk.stage, Names(desk.stage.strategies, (1,))))
    ).account
    assert account is not None
    assert (account.paused, account.disabled) == (["two"], ["one"])


ANSWER = new_record(PAPER.pnl_snapshots, envelope(SNAPSHOT))


def test_an_account_whose_stage_has_not_reported_is_as_its_last_snapshot_says(tmp_path: pathlib.Path):
    account = seen(tmp_path, ANSWER).account
    assert account is not None
    assert (account.state, account.equity_e4, account.day_e4) == (SNAPSHOT.state, SNAPSHOT.equity_e4, None)


def test_an_account_that_has_said_nothing_is_unknown(tmp_path: pathlib.Path):
    assert seen(tmp_path, *ALL_WELL).account is None


def test_positions_are_what_the_last_fill_of_each_left(tmp_path: pathlib.Path):
    fills: list[Fill] = [
        changed(FILL, strategy="a", position=60),
        changed(FILL, strategy="b", position=10),
        changed(FILL, strategy="a", position=25),
        changed(FILL, strategy="b", position=0),
    ]
    records = [new_record(PAPER.orders_filled, envelope(fill)) for fill in fills]
    assert FILL.instrument_token == RELIANCE
    held = seen(tmp_path, *records).positions
    assert held == [Position("a", "NSE:RELIANCE", 25, FILL.price_e4, FILL.time_ns)]


def test_a_position_that_was_taken_long_ago_is_found(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(overview_module, "_FILLS", 2)
    held = {"a": 60, "b": 10}
    fills: list[Fill] = [changed(FILL, strategy=name, position=position) for name, position in held.items()]
    fills += [changed(FILL, strategy="c", position=position) for position in (5, 0, 5, 0, 5, 0)]
    desk = Desk(path("10:00", 100), terms=profile(strategy_terms()))
    figures = account_figures(desk.stage, Names(desk.stage.strategies, (1,)))
    records = [new_record(PAPER.orders_filled, envelope(fill)) for fill in fills]
    found = seen(tmp_path, *records, report("account", figures={**figures, "positions": 2})).positions
    assert {each.strategy: each.quantity for each in found} == held


def test_refusals_are_counted_by_their_code_and_what_is_no_message_is_passed_over(tmp_path: pathlib.Path):
    codes = ("paused", "killed", "paused")
    refused: list[Decision] = [changed(DECISION, verdict="refused", granted=0, order_id=0, code=code) for code in codes]
    records = [new_record(PAPER.signals_rejected, envelope(each)) for each in refused]
    poison = NewRecord(PAPER.signals_rejected, 0, b"", b"no message")
    assert seen(tmp_path, poison, *records).refusals == {"paused": 2, "killed": 1}


# ── What stops it ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_is_killed_by_its_latch_or_by_its_account(tmp_path: pathlib.Path):
    killed = new_record(PAPER.pnl_snapshots, envelope(changed(SNAPSHOT, state="killed")))
    assert seen(tmp_path / "account", killed).killed
    (tmp_path / "latch").mkdir()
    KillSwitch(tmp_path / "latch", lambda: 0.0).engage("anand@desk", "", 17)
    overview = seen(tmp_path / "latch", ANSWER)
    assert overview.killed
    assert overview.latch is not None
    assert not seen(tmp_path / "neither", ANSWER).killed


def test_commands_that_wait_are_counted(tmp_path: pathlib.Path):
    Spool(tmp_path).put(command_message("pause", "", "anand@desk", "", 17))
    assert seen(tmp_path).waiting == 1


def test_a_log_in_which_no_session_has_begun_has_nothing_to_show(tmp_path: pathlib.Path):
    with pytest.raises(RecoveryError, match="no session has begun"):
        seen(tmp_path, session=None)


def test_a_damaged_tick_hides_nothing_but_its_time(tmp_path: pathlib.Path):
    whole = encode(envelope(Ticks(0, b"", 0)))
    reads = report("signals", places=(Place("market.ticks", 0, 1),))
    (view,) = views(seen(tmp_path, NewRecord(market_ticks(), 0, b"", whole[:-3]), reads), "signals")
    assert (view.lag, view.market_ns) == (0, 0)
