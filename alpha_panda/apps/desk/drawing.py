"""Drawing the picture of a session from what is known of it: a pure function of facts, and the facts."""

import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from alpha_panda.apps.desk.freshness import Freshness
from alpha_panda.apps.desk.minutes import Minutes
from alpha_panda.apps.desk.models import (
    Account,
    Feed,
    Latch,
    Limit,
    Picture,
    Position,
    Refusals,
    SessionTerms,
    Source,
    Stage,
    Strategy,
)
from alpha_panda.apps.desk.reports import Reports, limits_of
from alpha_panda.apps.desk.showing import Shower
from alpha_panda.apps.desk.sources import Reading, SourceName, folder_source, log_source, store_source
from alpha_panda.apps.desk.tape import Spoken, Tape
from alpha_panda.config import StrategyTerms
from alpha_panda.live.control import killswitch
from alpha_panda.live.messages import Session
from alpha_panda.live.observer import ACCOUNT
from alpha_panda.live.store.base import Places, Portfolio
from alpha_panda.sessions import session_of
from alpha_panda.units import SECOND_NS, ist_date

Phase = Literal["waiting", "recovering", "trading", "ended", "failed", "unknown"]

_OVER = ("ended", "stopped")
_OPENING_NS = 10 * SECOND_NS  # which the first tick of a day may take


@dataclasses.dataclass
class Facts:
    """All that is known of a session at a moment."""

    name: str
    sources: dict[SourceName, Reading]
    folds: bool = False  # whether the portfolio is folded in this process, and by no stage
    session: Session | None = None
    embedded: bool = True
    shower: Shower | None = None
    tape: Tape | None = None
    counts_signals: bool = False  # whether the tape has seen them from the first one on
    minutes: Minutes | None = None
    reports: Reports = dataclasses.field(default_factory=Reports)
    portfolio: Portfolio | None = None
    folded: Places = dataclasses.field(default_factory=Places)  # up to where the portfolio is folded, at least
    freshness: Freshness = dataclasses.field(default_factory=lambda: Freshness(()))
    latch: killswitch.Latch | None = None
    commands_waiting: int = 0
    dead_letters: int = 0
    gaps: int = 0
    heard_ns: int = 0
    market_ns: int = 0  # of the last event on the log, as it was looked up; the minutes may still be read
    missing: str = ""

    def market(self) -> int:
        """Return the time of the last event on the log, as far as it is known; 0 before it is."""
        return max(self.market_ns, self.minutes.time_ns if self.minutes else 0)


def draw(facts: Facts, number: int, now_ns: int) -> Picture:
    """Return the picture of these facts at `now_ns`."""
    stages = facts.reports.stages(now_ns) if facts.session else ()
    sources = _sources(facts, stages, now_ns)
    account = facts.reports.account()
    books = _books(facts)
    tape, portfolio = facts.tape, facts.portfolio
    return Picture(
        number=number,
        taken_ns=now_ns,
        session=_session(facts),
        sources=sources,
        phase=_phase(facts, sources, stages),
        account=account,
        limits=_limits(facts),
        feed=_feed(facts, now_ns),
        stages=stages,
        strategies=tuple(_strategies(facts, books)),
        positions=_positions(facts, books),
        orders=facts.shower.orders(portfolio.orders) if portfolio and facts.shower else (),
        decisions=tuple(tape.decisions) if tape else (),
        refusals=_refusals(portfolio),
        happenings=tuple(tape.lines) if tape else (),
        curve=tape.curve if tape else (),
        latch=None
        if facts.latch is None
        else Latch(who=facts.latch.who, reason=facts.latch.reason, time_ns=facts.latch.time_ns),
        commands_waiting=facts.commands_waiting,
        dead_letters=facts.dead_letters,
        troubles=tuple(_troubles(facts, sources, stages, account)),
    )


def _sources(facts: Facts, stages: Sequence[Stage], now_ns: int) -> tuple[Source, ...]:
    readings = facts.sources
    log = log_source(readings["log"], facts.missing, facts.market(), now_ns)
    store = store_source(readings["store"], facts.freshness, stages, log, facts.folds, now_ns)
    return log, store, folder_source(readings["folder"], now_ns)


def _session(facts: Facts) -> SessionTerms | None:
    if facts.session is None or facts.shower is None:
        return None
    profile = facts.shower.profile
    return SessionTerms(
        name=facts.name,
        broker=profile.account.broker,
        mode="paper",  # the only account there is
        feed=facts.session.feed,
        started_ns=facts.session.started_ns,
        log="embedded" if facts.embedded else "kafka",
        strategies=tuple(terms.name for terms in profile.strategies),
        symbols=tuple(facts.shower.universe.symbols),
        code_digest=facts.session.code_digest,
    )


def _phase(facts: Facts, sources: Sequence[Source], stages: tuple[Stage, ...]) -> Phase:
    """Return what the session does, by its account; it is unknown where that is silent."""
    if facts.session is None:
        return "waiting"
    account = next((stage for stage in stages if stage.stage == ACCOUNT), None)
    readable = all(source.is_read for source in sources if source.name == "log")
    if account is None or account.trouble == "silent" or not readable:
        return "unknown"
    if any(stage.phase == "failed" for stage in stages):
        return "failed"
    if account.phase in _OVER:
        return "ended"
    return "trading" if account.phase == "running" else "recovering"


def _limits(facts: Facts) -> tuple[Limit, ...]:
    return limits_of(facts.shower.profile.risk, facts.reports.reported()) if facts.shower else ()


def _feed(facts: Facts, now_ns: int) -> Feed | None:
    if facts.shower is None or facts.minutes is None:
        return None
    market_ns, heard_ns = facts.market(), facts.heard_ns or facts.reports.feed_heard_ns()
    silent_ns = max(now_ns - heard_ns, 0) if heard_ns else 0
    return facts.reports.feed(market_ns, heard_ns, _is_open(facts.shower, market_ns, silent_ns), facts.gaps)


def _is_open(shower: Shower, market_ns: int, silent_ns: int) -> bool | None:
    """Return whether any calendar of the session's instruments is open; None before the market has said anything.

    While it says nothing, its day goes on: it is open where the first tick is some seconds late, and it closes.
    """
    if not market_ns:
        return None
    time_ns = market_ns + silent_ns
    if ist_date(time_ns) != ist_date(market_ns):
        return False
    hours = [session_of(calendar, ist_date(time_ns)) for calendar in {each.calendar for each in shower.universe}]
    latest_ns = max(market_ns, time_ns - _OPENING_NS)
    return any(each is not None and each[0] <= latest_ns and time_ns < each[1] for each in hours)


def _positions(facts: Facts, books: Sequence[Position]) -> tuple[Position, ...]:
    """Return the books that are open, or were closed on the market's day."""
    day = ist_date(facts.market())
    return tuple(book for book in books if book.quantity or ist_date(book.updated_ns) >= day)


def _books(facts: Facts) -> tuple[Position, ...]:
    """Return all books of the session."""
    if facts.portfolio is None or facts.shower is None:
        return ()
    figures = facts.reports.reported()
    return tuple(facts.shower.position(book, figures) for book in facts.portfolio.positions)


def _strategies(facts: Facts, books: Sequence[Position]) -> Iterator[Strategy]:
    if facts.shower is None or facts.tape is None:
        return
    figures = facts.reports.figures()
    held: Mapping[str, list[Position]] = collections.defaultdict(list)
    for book in books:
        held[book.strategy].append(book)
    for terms in facts.shower.profile.strategies:
        shown = _strategy(terms, figures, held[terms.name], facts.tape.spoken[terms.name])
        yield shown if facts.counts_signals else shown.model_copy(update={"signals": None})


def _strategy(terms: StrategyTerms, figures: Mapping[str, float], held: list[Position], spoken: Spoken) -> Strategy:
    unrealised = [each.unrealised_e4 for each in held]
    return Strategy(
        name=terms.name,
        state="disabled"
        if f"disabled.{terms.name}" in figures
        else "paused"
        if f"paused.{terms.name}" in figures
        else "running",
        source=terms.strategy,
        interval_ns=terms.interval_ns,
        product=terms.product,
        symbols=terms.instruments,
        capital_e4=terms.capital_e4,
        parameters=dict(terms.parameters),
        realised_e4=sum(each.realised_e4 for each in held),
        unrealised_e4=None if None in unrealised else sum(each for each in unrealised if each is not None),
        charges_e4=sum(each.charges_e4 for each in held),
        open_positions=sum(each.quantity != 0 for each in held),
        signals=spoken.signals,
        last_signal_ns=spoken.time_ns,
        last_symbol=spoken.symbol,
        last_target=spoken.target,
    )


def _refusals(portfolio: Portfolio | None) -> tuple[Refusals, ...]:
    counts = portfolio.refusals.items() if portfolio else ()
    return tuple(Refusals(code=code, count=count) for code, count in sorted(counts, key=lambda each: (-each[1], each)))


def _troubles(
    facts: Facts, sources: Sequence[Source], stages: Sequence[Stage], account: Account | None
) -> Iterator[str]:
    """Yield what a person should know is wrong, the worst first."""
    if facts.latch is not None:
        why = f": {facts.latch.reason}" if facts.latch.reason else ""
        yield f"the kill latch is engaged by {facts.latch.who}{why}"
    if account is not None and account.halt:
        yield f"the limit {account.halt} was passed, and the account is {account.state}"
    names = {"log": "the event log", "store": "the portfolio store", "folder": "the session's folder"}
    yield from (f"{names[each.name]}: {each.trouble}" for each in sources if each.trouble)
    yield from (f"the {each.stage} stage is {each.trouble}" for each in stages if each.trouble)
    if facts.dead_letters:
        yield f"{facts.dead_letters} records could not be processed: see alpha-panda dlq list"
    if facts.commands_waiting:
        yield f"{facts.commands_waiting} commands wait for a session to take them up"
