"""How a session is doing, as its log and its state folder tell anyone who looks, from whatever process."""

import collections
import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

from alpha_panda.errors import CorruptRecordError
from alpha_panda.live.control.commands import Spool
from alpha_panda.live.control.killswitch import KillSwitch, Latch
from alpha_panda.live.envelope import decode
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import (
    AccountState,
    Decision,
    Fill,
    JournalEntry,
    Payload,
    Phase,
    PnlSnapshot,
    Progress,
    Session,
    Signal,
    StageReport,
    Ticks,
)
from alpha_panda.live.observer import ACCOUNT, FEED, PORTFOLIO, REPORTS_MISSED_S, SIGNALS
from alpha_panda.live.session import begun, read_session
from alpha_panda.live.topics import STAGES, BrokerTopics, Topic, market_ticks, topics_of_session
from alpha_panda.units import SECOND_NS
from alpha_panda.words import WORDS

_REPORTS, _REFUSALS, _FILLS = 256, 512, 4_096
"""How many of the latest records are looked at; of fills so many at a time."""

_AT_WORK: tuple[Phase, ...] = ("recovering", "running", "waiting")
_OF_THE_MARKET = Ticks | Signal | Progress | JournalEntry  # messages whose time is the market's
_NEEDED = (
    *("state", "cash_e4", "equity_e4", "day_start_equity_e4", "gross_e4", "positions", "orders_working"),
    *("approved", "refused", "fills"),
)


@dataclasses.dataclass(frozen=True)
class StageView:
    """One stage of one process, as it last said."""

    stage: str
    holder: str
    partitions: tuple[int, ...]
    phase: Phase | None  # None where it never said anything
    age_s: float
    lag: int | None  # records that it has still to read; None where it reads nothing
    market_ns: int  # how far in the market it has come; 0 where it does not say
    note: str

    @property
    def trouble(self) -> str:
        """What is wrong with it; empty where nothing is."""
        if self.phase is None:
            return "never reported"
        if self.phase == "failed":
            return "failed"
        silent = self.phase in _AT_WORK and self.age_s > REPORTS_MISSED_S
        return "silent" if silent else ""


@dataclasses.dataclass(frozen=True)
class AccountView:
    """The account, from its stage's last report or else from its last snapshot, which knows less."""

    state: AccountState
    equity_e4: int
    cash_e4: int
    gross_e4: int
    day_e4: int | None = None
    positions: int | None = None
    orders_working: int | None = None
    refused: int | None = None
    fills: int | None = None
    paused: Sequence[str] = ()  # strategies that a person has paused
    disabled: Sequence[str] = ()  # strategies that too many refusals have disabled


@dataclasses.dataclass(frozen=True)
class Position:
    """What a strategy holds of an instrument, after its last fill."""

    strategy: str
    symbol: str
    quantity: int
    price_e4: int  # of that fill
    time_ns: int


@dataclasses.dataclass(frozen=True)
class Overview:
    """A session at a glance."""

    stages: Sequence[StageView]
    account: AccountView | None  # None before it has said anything
    positions: Sequence[Position]
    refusals: collections.Counter[str]  # by code, among the latest
    latch: Latch | None
    waiting: int  # commands that no session has taken up

    @property
    def troubles(self) -> list[str]:
        """What is wrong with the stages."""
        return [f"{view.stage} {view.trouble}" for view in self.stages if view.trouble]

    @property
    def killed(self) -> bool:
        """Whether trading is stopped by a person's kill, or will be as soon as the account looks."""
        return self.latch is not None or (self.account is not None and self.account.state == "killed")


async def look(log: Log, state: pathlib.Path, switch: KillSwitch, now_ns: int) -> Overview:
    """Return how the session in `log`, kept in `state`, is doing at `now_ns` by the machine's clock.

    Raises RecoveryError where no session has begun.
    """
    session = begun(await read_session(log), state)
    broker = json.loads(session.profile)["account"]["broker"]
    topics = BrokerTopics.of(broker, session.partitions)
    known = {topic.name: topic for topic in topics_of_session([broker], session.partitions)}
    reports = [each for each in await _latest(log, STAGES, _REPORTS) if isinstance(each, StageReport)]
    refused = await _latest(log, topics.signals_rejected, _REFUSALS)
    account = _account(reports, await _latest(log, topics.pnl_snapshots, 1))
    return Overview(
        stages=[await _view(log, known, stage, each, now_ns) for stage, each in shown_reports(reports)],
        account=account,
        positions=await _positions(session, log, topics.orders_filled, account),
        refusals=collections.Counter(each.code for each in refused if isinstance(each, Decision)),
        latch=switch.engaged(),
        waiting=len(Spool(state).files()),
    )


async def _latest(log: Log, topic: Topic, count: int) -> list[Payload]:
    """Return what the latest records of a topic's only partition say, oldest first; what is no message says nothing."""
    end = await log.end(topic, 0)
    return await _said(log, topic, max(end - count, 0), end)


async def _said(log: Log, topic: Topic, offset: int, end: int) -> list[Payload]:
    """Return what the records of a topic's only partition say from `offset` up to, without, `end`."""
    said: list[Payload] = []
    while offset < end and (records := await log.read(topic, 0, offset, end - offset)):
        offset = records[-1].offset + 1
        for record in records:
            try:
                said.append(decode(record).data)
            except CorruptRecordError:
                continue
    return said


def shown_reports(
    reports: Iterable[StageReport], said_ns: Callable[[StageReport], int] = lambda report: report.reported_ns
) -> list[tuple[str, StageReport | None]]:
    """Return the last report of each process at each stage: of those at work, else of the one that said it last.

    `said_ns` tells when by one clock, where those of the processes' machines may differ.
    """
    last = {(each.stage, each.holder): each for each in reports}
    shown: list[tuple[str, StageReport | None]] = []
    for stage in (FEED, SIGNALS, ACCOUNT, PORTFOLIO):
        told = sorted((each for each in last.values() if each.stage == stage), key=said_ns)
        newest_ns = said_ns(told[-1]) if told else 0
        # A process that was silent long before another one spoke has been taken over.
        at_work = [each for each in told if each.phase in _AT_WORK and newest_ns - said_ns(each) < _SILENT_NS]
        shown += [(stage, each) for each in at_work or told[-1:]] or [(stage, None)]
    return shown


_SILENT_NS = int(REPORTS_MISSED_S * SECOND_NS)


async def _view(log: Log, known: Mapping[str, Topic], stage: str, report: StageReport | None, now_ns: int) -> StageView:
    if report is None:
        return StageView(stage, "", (), None, 0.0, None, 0, "")
    reads = [(known[place.topic], place.partition, place.offset) for place in report.places if place.topic in known]
    lags = [await log.end(topic, partition) - offset for topic, partition, offset in reads]
    ticks = known[market_ticks().name]
    written = [(ticks, each, await log.end(ticks, each)) for each in report.partitions] if stage == FEED else []
    markets_ns = [await market_time_ns(log, *place) for place in reads + written]
    return StageView(
        stage=stage,
        holder=report.holder,
        partitions=report.partitions,
        phase=report.phase,
        age_s=max(now_ns - report.reported_ns, 0) / SECOND_NS,
        lag=sum(lags) if lags else None,
        market_ns=max(markets_ns, default=0),
        note=report.note,
    )


async def market_time_ns(log: Log, topic: Topic, partition: int, offset: int) -> int:
    """Return the market's time of the record before `offset`; 0 where that says none."""
    records = await log.read(topic, partition, offset - 1, 1) if offset > 0 else []
    try:
        message = decode(records[0]) if records else None
    except CorruptRecordError:
        return 0
    return message.time_ns if message is not None and isinstance(message.data, _OF_THE_MARKET) else 0


def _account(reports: Sequence[StageReport], snapshots: Sequence[Payload]) -> AccountView | None:
    told = [report.figures for report in reports if report.stage == ACCOUNT and report.figures.keys() >= set(_NEEDED)]
    if told:
        figures = {name: int(value) for name, value in told[-1].items()}
        return AccountView(
            state=cast(AccountState, WORDS["state"][figures["state"]]),
            equity_e4=figures["equity_e4"],
            cash_e4=figures["cash_e4"],
            gross_e4=figures["gross_e4"],
            # Before the first day there is nothing to measure from.
            day_e4=figures["equity_e4"] - figures["day_start_equity_e4"] if figures["day_start_equity_e4"] else 0,
            positions=figures["positions"],
            orders_working=figures["orders_working"],
            refused=figures["refused"],
            fills=figures["fills"],
            paused=_stopped(figures, "paused"),
            disabled=_stopped(figures, "disabled"),
        )
    for each in snapshots:
        if isinstance(each, PnlSnapshot):
            return AccountView(each.state, each.equity_e4, each.cash_e4, each.gross_e4)
    return None


def _stopped(figures: Mapping[str, int], field: str) -> list[str]:
    return sorted(name.removeprefix(f"{field}.") for name in figures if name.startswith(f"{field}."))


async def _positions(session: Session, log: Log, topic: Topic, account: AccountView | None) -> list[Position]:
    """Return what the fills left open, by instrument: as far back as it takes to find all that the account counts."""
    symbols = {listing.instrument_token: listing.symbol for listing in session.instruments}
    counted = (account.positions if account is not None else None) or 0
    last: dict[tuple[str, int], Fill] = {}
    start = await log.end(topic, 0)
    looked = False
    while start > 0 and (not looked or sum(each.position != 0 for each in last.values()) < counted):
        stop, start, looked = start, max(start - _FILLS, 0), True
        for each in reversed(await _said(log, topic, start, stop)):
            if isinstance(each, Fill):
                last.setdefault((each.strategy, each.instrument_token), each)
    held = [
        Position(each.strategy, symbols[each.instrument_token], each.position, each.price_e4, each.time_ns)
        for each in last.values()
        if each.position != 0
    ]
    return sorted(held, key=lambda each: (each.symbol, each.strategy))
