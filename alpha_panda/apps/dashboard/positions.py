"""What the account holds, what each strategy made of it, and the fills that made a position."""

import functools
from collections.abc import Iterable, Iterator

import panel as pn
from panel.viewable import Viewable

from alpha_panda.apps.dashboard import cells, shown
from alpha_panda.apps.dashboard.cards import Card
from alpha_panda.apps.dashboard.drawing import attempting
from alpha_panda.apps.dashboard.frames import column, row
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.refreshing import refresh, under_lock
from alpha_panda.apps.dashboard.sheets import Sheet, figures, note
from alpha_panda.apps.dashboard.shell import shell
from alpha_panda.apps.dashboard.summary import portfolio_age
from alpha_panda.apps.dashboard.tables import Cell, Column, Row, Table
from alpha_panda.apps.desk.history_models import FillsFound
from alpha_panda.apps.desk.models import Account, Fill, Picture, Position, Strategy
from alpha_panda.apps.markup import Html

HOLDINGS = (
    Column("symbol", "Instrument", 204, grows=True),
    Column("strategy", "Strategy", 100, grows=True),
    Column("product", "Product", 60),
    Column("quantity", "Quantity", 70, number=True),
    Column("average", "Average", 84, number=True),
    Column("last", "Last", 84, number=True),
    Column("unrealised", "Unrealised", 100, number=True),
    Column("realised", "Realised", 100, number=True),
    Column("charges", "Charges", 80, number=True),
    Column("fills", "Fills", 44, number=True),
)

SLEEVES = (
    Column("strategy", "Strategy", 100, grows=True),
    Column("open", "Open", 44, number=True),
    Column("realised", "Realised", 92, number=True),
    Column("unrealised", "Unrealised", 92, number=True),
    Column("charges", "Charges", 80, number=True),
)

FILLS = (
    Column("time", "Time", 70),
    Column("side", "Side", 44),
    Column("quantity", "Quantity", 68, number=True),
    Column("price", "Price", 80, grows=True, number=True),
    Column("realised", "Realised", 96, number=True),
    Column("held", "Then held", 72, number=True),
)


def positions(parts: DashboardParts) -> Viewable:
    """Return the page of the positions."""
    at_hand: dict[str, Position] = {}
    account, chosen = Sheet("Account", ages=True), Sheet("Position", ages=True)
    fills = Table("Fills", FILLS, empty="Choose a position: click it, or j, k and Enter.", filtered=False)
    drilled = Card("Fills of a position", chosen, fills)

    picked: dict[str, int] = {}  # the position that was chosen, and how many fills it had by then

    async def drill(key: str) -> None:
        position = at_hand[key]
        drilled.note(f"{position.symbol} · {position.strategy}")
        chosen.put(chosen_figures(position))
        if key not in picked:
            fills.put(())
        picked.clear()
        picked[key] = position.fills
        found = await parts.desk.fills_of(position.symbol, position.strategy)
        fills.say("None of its fills is on the log.")
        fills.put(fill_rows(found.rows))
        drilled.note(f"{position.symbol} · {position.strategy}{how_far(found)}")

    opened = attempting(drilled, drill, parts.now_ns)
    held = Table("Positions", HOLDINGS, empty="", groups=_TABS, opened=opened)
    held_card = Card("Positions", held)
    made = Table("Strategies", SLEEVES, empty="No strategy has begun.", filtered=False)

    def hold(picture: Picture) -> None:
        at_hand.clear()
        at_hand.update((key_of(each), each) for each in picture.positions)
        held.put(holdings(picture.positions))
        held.say(why_none(picture))
        held_card.note(portfolio_age(picture))

    def keep_up(picture: Picture) -> None:
        for key in picked.keys() & at_hand.keys():
            chosen.put(chosen_figures(at_hand[key]))
            if at_hand[key].fills != picked[key] or drilled.heading.failed:
                pn.state.execute(functools.partial(under_lock(opened), key))

    refresh(parts.picture, account, lambda picture: account.put(totals(picture.account)))
    refresh(parts.picture, held, hold)
    refresh(parts.picture, chosen, keep_up)
    refresh(parts.picture, made, lambda picture: made.put(sleeves(picture.strategies)))
    totals_card = Card("Account", account, height=92, sizing_mode="stretch_width")
    by_strategy = Card("By strategy", made, height=250, sizing_mode="stretch_width", note="before charges")
    return shell(parts, "/positions", column(totals_card, row(held_card, column(by_strategy, drilled, width=470))))


_TABS = (("all", "All"), ("open", "Open"), ("closed", "Closed today"))


def holdings(positions: Iterable[Position]) -> Iterator[Row]:
    """Yield the rows of the positions, those that are open and those that were closed today."""
    for each in positions:
        yield {
            "key": key_of(each),
            "group": "open" if each.quantity else "closed",
            "symbol": Cell(each.symbol, "strong" if each.quantity else "muted"),
            "strategy": each.strategy,
            "product": Cell(each.product, "muted"),
            "quantity": cells.quantity(each.quantity),
            "average": cells.price(each.average_e4),
            "last": Cell(shown.price(each.last_e4), "", each.last_e4, f"at {shown.day_and_clock(each.last_ns)}"),
            "unrealised": cells.money(each.unrealised_e4, signed=True),
            "realised": cells.money(each.realised_e4, signed=True),
            "charges": cells.money(each.charges_e4, quiet=True),
            "fills": cells.count(each.fills),
        }


def sleeves(strategies: Iterable[Strategy]) -> Iterator[Row]:
    """Yield what each strategy made, as the account says it."""
    for each in strategies:
        yield {
            "key": each.name,
            "strategy": each.name,
            "open": cells.count(each.open_positions),
            "realised": cells.money(each.realised_e4, signed=True),
            "unrealised": cells.money(each.unrealised_e4, signed=True),
            "charges": cells.money(each.charges_e4, quiet=True),
        }


def fill_rows(fills: Iterable[Fill]) -> Iterator[Row]:
    """Yield the rows of fills."""
    for place, each in enumerate(fills):
        yield {
            "key": f"{each.time_ns} {each.order_id} {place}",
            "time": cells.clock(each.time_ns),
            "side": cells.side(each.side),
            "quantity": cells.count(each.quantity),
            "price": cells.price(each.price_e4),
            "realised": cells.money(each.realised_e4, signed=True),
            "held": cells.quantity(each.position),
        }


def totals(account: Account | None) -> Html:
    """Return the account's own figures, realised and unrealised apart."""
    if account is None:
        return note("The account has not said anything yet.")
    return figures(
        (
            ("Day P&L, net of charges", cells.money(account.day_pnl_e4, signed=True)),
            ("Realised, before charges", cells.money(account.realised_e4, signed=True)),
            ("Unrealised", cells.money(account.unrealised_e4, signed=True)),
            ("Charges", cells.money(account.charges_e4)),
            ("Exposure, long and short", cells.money(account.gross_e4)),
            ("Cash", cells.money(account.cash_e4)),
            ("Equity", cells.money(account.equity_e4)),
        ),
        "wide",
    )


def chosen_figures(position: Position) -> Html:
    """Return a position by itself, above its fills."""
    named = (
        ("Held", cells.quantity(position.quantity)),
        ("Average", cells.price(position.average_e4)),
        ("Last fill", Cell(shown.day_and_clock(position.updated_ns))),
    )
    return figures(named)


def how_far(found: FillsFound) -> str:
    """Return how far back fills were looked for, where there may be older ones."""
    rows, looked = shown.count(len(found.rows)), shown.count(found.looked)
    return "" if found.all else f" · only the latest {rows}, of the latest {looked} fills of the session"


def why_none(picture: Picture) -> str:
    """Return why there is no position, for where there is none."""
    waiting = f"{len(picture.strategies)} strategies are watching" if picture.strategies else "no strategy has begun"
    closed = picture.feed is not None and picture.feed.market_open is False
    return f"No position: {waiting}{', and the market is closed' if closed else ''}."


def key_of(position: Position) -> str:
    """Return what names a position among all."""
    return f"{position.strategy} {position.instrument_token}"
