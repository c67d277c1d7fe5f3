"""The page that a trader has open all day: what the account is worth, what it risks, what it holds, what happens."""

from typing import Any

from panel.viewable import Viewable

from alpha_panda.apps.charts.live import EquityCurve
from alpha_panda.apps.dashboard import summary
from alpha_panda.apps.dashboard.cards import Card
from alpha_panda.apps.dashboard.commanding import acts
from alpha_panda.apps.dashboard.components import Part, module
from alpha_panda.apps.dashboard.frames import chart_of, column, row
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.refreshing import once, refresh
from alpha_panda.apps.dashboard.shell import shell, theme_of_visitor
from alpha_panda.apps.dashboard.tables import Column, Table
from alpha_panda.apps.dashboard.tape import TapePart, tape_lines
from alpha_panda.apps.desk.models import Picture

_CURVE_MS, _LIMITS_MS = 1_000, 2_000
_WIDE, _NARROW = ({"flex": "none", "width": f"calc({share} - 5px)"} for share in ("66.6667%", "33.3333%"))

_POSITIONS = (
    Column("symbol", "Instrument", 204, grows=True),
    Column("product", "Product", 64),
    Column("quantity", "Qty", 76, number=True),
    Column("average", "Avg", 96, number=True),
    Column("last", "LTP", 96, number=True),
    Column("unrealised", "Unrealised", 116, number=True),
    Column("strategy", "Strategy", 110),
)


class Figures(Part):
    """The figures that a trader looks at first."""

    styles_of = ("parts.css", "figures.css")
    _esm = module("figures.js")


class Controls(Part):
    """What a person may do to the account, besides the STOP."""

    styles_of = ("parts.css", "controls.css")
    _esm = module("acting.js", "controls.js")


class Limits(Part):
    """The limits of the account as bars."""

    styles_of = ("parts.css", "cards.css", "limits.css")
    _esm = module("limits.js")


def overview(parts: DashboardParts) -> Viewable:
    """Return the overview."""
    curve = EquityCurve(theme_of_visitor())
    first = row(first_figures(parts), *controls(parts), height=78)
    upper = row(equity(parts, curve, styles=_WIDE), limits(parts, styles=_NARROW), height=292)
    lower = row(positions(parts, styles=_WIDE), tape(parts, styles=_NARROW))
    return shell(parts, "/", column(first, upper, lower), curve.wear)


_figures = once(summary.figures)
_acts = once(lambda picture: [act._asdict() for act in acts(picture)])
_limits = once(lambda picture: [summary.limit_row(limit) for limit in picture.limits])
_held = once(lambda picture: [summary.position_row(each) for each in picture.positions if each.quantity])
_lines = once(lambda picture: tape_lines(picture.happenings))


def first_figures(parts: DashboardParts) -> Viewable:
    """Return the figures that a trader looks at first."""
    part = Figures(shown={"figures": []}, sizing_mode="stretch_width", height=78)
    refresh(parts.picture, part, lambda picture: part.tell(figures=_figures(picture)))
    return part


def controls(parts: DashboardParts) -> list[Viewable]:
    """Return the controls of the account; nothing for whoever may only look."""
    if not parts.principal().may("operator"):
        return []
    part = Controls(shown={"acts": []}, width=176, height=78)
    refresh(parts.picture, part, lambda picture: part.tell(acts=_acts(picture)))
    return [part]


def equity(parts: DashboardParts, curve: EquityCurve, **terms: Any) -> Viewable:
    """Return the equity of the day in a card."""
    card = Card("Equity and P&L of the day", chart_of(curve.figure), **terms)

    def draw(picture: Picture) -> None:
        account = picture.account
        card.note(summary.curve_note(picture))
        if account is None or not picture.curve:
            return
        times_ns = tuple(point.time_ns for point in picture.curve)
        curve.show(times_ns, tuple(point.equity_e4 for point in picture.curve), account.equity_e4 - account.day_pnl_e4)

    refresh(parts.picture, card, draw, _CURVE_MS)
    return card


def limits(parts: DashboardParts, **terms: Any) -> Viewable:
    """Return the limits of the account in a card."""
    part = Limits(shown={"limits": [], "empty": ""}, sizing_mode="stretch_both")

    def draw(picture: Picture) -> None:
        empty = "The account has not reported its limits yet."
        part.tell(limits=_limits(picture), empty=empty)

    refresh(parts.picture, part, draw, _LIMITS_MS)
    return Card("Risk limits", part, **terms)


def positions(parts: DashboardParts, **terms: Any) -> Viewable:
    """Return what is held now in a card."""
    table = Table("Positions", _POSITIONS, empty="", filtered=False)
    card = Card("Positions", table, **terms)

    def draw(picture: Picture) -> None:
        held = _held(picture)
        table.put(held)
        table.say("" if held else summary.why_flat(picture))
        card.note(" · ".join(filter(None, (f"{len(held)} open" if held else "", summary.portfolio_age(picture)))))

    refresh(parts.picture, card, draw)
    return card


def tape(parts: DashboardParts, **terms: Any) -> Viewable:
    """Return what happens, line by line."""
    part = TapePart(shown={"lines": [], "empty": ""}, sizing_mode="stretch_both")

    def draw(picture: Picture) -> None:
        empty = "Nothing has happened yet: signals, decisions, orders and fills appear here."
        part.tell(lines=_lines(picture), empty=empty)

    refresh(parts.picture, part, draw)
    return column(part, **terms)
