"""The strategies of a session: whether each runs, what it wants and holds, what it made, and what people may change."""

import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from panel.viewable import Viewable

from alpha_panda.apps.access import Principal
from alpha_panda.apps.dashboard import cells, shown
from alpha_panda.apps.dashboard.cards import Card
from alpha_panda.apps.dashboard.drawing import attempting
from alpha_panda.apps.dashboard.frames import column, row, scrolled
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.refreshing import refresh
from alpha_panda.apps.dashboard.sheets import Sheet, button, figures, note
from alpha_panda.apps.dashboard.shell import shell
from alpha_panda.apps.dashboard.tables import Act, Cell, Column, Row, Table
from alpha_panda.apps.desk.models import Picture, Signal, Strategy
from alpha_panda.apps.markup import Html, tag
from alpha_panda.errors import AlphaPandaError
from alpha_panda.units import SECOND_NS

if TYPE_CHECKING:
    from alpha_panda.database.strategies import StrategyVersion

STRATEGIES = (
    Column("name", "Strategy", 120, grows=True),
    Column("state", "State", 76),
    Column("signal", "Last signal", 78, number=True),
    Column("symbol", "Instrument", 204, grows=True),
    Column("target", "Target", 58, number=True),
    Column("open", "Open", 48, number=True),
    Column("realised", "Realised", 104, number=True),
    Column("unrealised", "Unrealised", 104, number=True),
    Column("charges", "Charges", 84, number=True),
    Column("signals", "Signals", 60, number=True),
    Column("act", "", 74),
)

WANTED = (
    Column("symbol", "Instrument", 204, grows=True),
    Column("target", "Target", 60, number=True),
    Column("held", "Held", 70, number=True),
    Column("time", "Last signal", 80, number=True),
)

STATES = {"running": "up", "paused": "warn", "disabled": "down"}


def strategies(parts: DashboardParts) -> Viewable:
    """Return the page of the strategies."""
    who = parts.principal()
    terms, versions = Sheet("Terms"), Sheet("Versions")
    wanted = Table("Target and held", WANTED, empty="Choose a strategy: click it, or j, k and Enter.", filtered=False)
    detail = Card("What it is told", scrolled(terms, versions), note="choose a strategy")
    chosen: list[str] = []

    def want(picture: Picture) -> None:
        for name in chosen:
            wanted.put(wanted_rows(picture, name))

    async def choose(name: str) -> None:
        chosen[:] = [name]
        detail.note(name)
        versions.put()
        want(parts.desk.picture)
        terms.put(*(terms_of(each) for each in parts.desk.picture.strategies if each.name == name))
        versions.put(await _versions(parts, name, who))

    opened = attempting(detail, choose, parts.now_ns)
    table = Table("Strategies", STRATEGIES, empty="No session has begun.", opened=opened)
    refresh(parts.picture, table, lambda picture: table.put(strategy_rows(picture.strategies, who)))
    refresh(parts.picture, wanted, want)
    listed = Card("Strategies", table, height=330, sizing_mode="stretch_width")
    return shell(parts, "/strategies", column(listed, row(Card("Target and held", wanted), detail)))


def strategy_rows(strategies: Iterable[Strategy], who: Principal) -> Iterator[Row]:
    """Yield the rows of the strategies, each with what `who` may do to it now."""
    for each in strategies:
        yield {
            "key": each.name,
            "name": Cell(each.name, "strong"),
            "state": Cell(each.state, STATES[each.state]),
            "signal": cells.clock(each.last_signal_ns),
            "symbol": each.last_symbol,
            "target": target(each.last_target),
            "open": cells.count(each.open_positions),
            "realised": cells.money(each.realised_e4, signed=True),
            "unrealised": cells.money(each.unrealised_e4, signed=True),
            "charges": cells.money(each.charges_e4, quiet=True),
            "signals": cells.count(each.signals),
            "act": Cell("", act=act_of(each)) if who.may("operator") else "",
        }


def target(exposure: float | None) -> Cell:
    """Return a strategy's target; a dash where it has said none."""
    if exposure is None:
        return Cell(shown.NOT_REPORTED, "muted")
    return Cell(shown.target(exposure), "buy" if exposure > 0 else "sell" if exposure < 0 else "muted", exposure)


def act_of(strategy: Strategy) -> Act:
    """Return what a person may do to a strategy now."""
    path = f"/strategies/{urllib.parse.quote(strategy.name, safe='')}"
    match strategy.state:
        case "running":
            detail = "It opens nothing any more. Its exits and guards go on."
            return Act("Pause", f"{path}/pause", f"Pause {strategy.name}?", detail)
        case "paused":
            return Act("Resume", f"{path}/resume", f"Resume {strategy.name}?", "It may open positions again.")
        case "disabled":
            detail = "Too many refusals in a row have disabled it. After a reset it may open positions again."
            body = {"strategy": strategy.name}
            return Act("Reset", "/control/reset", f"Reset {strategy.name}?", detail, body, grave=True)


def wanted_rows(picture: Picture, name: str) -> Iterator[Row]:
    """Yield what a strategy wants of each instrument, as its latest signals on the tape say, beside what it holds."""
    held = {each.symbol: each.quantity for each in picture.positions if each.strategy == name}
    said: dict[str, Signal] = {}
    for each in picture.happenings:
        if isinstance(each, Signal) and each.strategy == name:
            said.setdefault(each.symbol, each)
    for symbol in sorted({*held, *said}):
        signal = said.get(symbol)
        yield {
            "key": symbol,
            "symbol": symbol,
            "target": target(signal.target if signal else None),
            "held": cells.quantity(held.get(symbol, 0)),
            "time": cells.clock(signal.time_ns if signal else 0),
        }


def terms_of(strategy: Strategy) -> Html:
    """Return what a strategy runs with in this session."""
    named = (
        ("Source", Cell(strategy.source, "code")),
        ("Bars of", f"{strategy.interval_ns // SECOND_NS} s"),
        ("Product", strategy.product),
        ("Capital", cells.money(strategy.capital_e4)),
        ("Instruments", ", ".join(strategy.symbols) or "all of the session"),
        *((name, Cell(f"{value:g}", "strong")) for name, value in strategy.parameters.items()),
    )
    return figures(named)


async def _versions(parts: DashboardParts, name: str, who: Principal) -> Html:
    """Return what operators set of a strategy for the sessions to come."""
    try:
        return versions_of(await parts.database.strategies.history(name), who)
    except AlphaPandaError as error:
        return note(str(error))


def versions_of(history: Sequence["StrategyVersion"], who: Principal) -> Html:
    """Return the versions of a strategy, newest first, and what `who` may change for the next session."""
    title = tag("h3", "Set by operators, for the next session")
    if not history:
        return Html(title + note("Nobody has set it: the next session begins with what the profile says."))
    named = (
        (
            f"Version {each.version}",
            Cell(
                f"{'enabled' if each.enabled else 'disabled'} · {each.who} · {shown.day_and_clock(each.created_ns)}",
                hint=f"{each.reason} · {each.digest}",
            ),
        )
        for each in history
    )
    return Html(title + figures(named) + (button(_next_session(history[0])) if who.may("admin") else ""))


def _next_session(newest: "StrategyVersion") -> Act:
    path = f"/strategies/{urllib.parse.quote(newest.name, safe='')}"
    if newest.enabled:
        detail = "The next session begins without it. To stop it now, pause it."
        return Act("Disable", f"{path}/disable", f"Disable {newest.name}?", detail)
    return Act("Enable", f"{path}/enable", f"Enable {newest.name}?", "The next session begins with it.")
