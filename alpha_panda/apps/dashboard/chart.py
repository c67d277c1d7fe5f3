"""The price of an instrument through the day, with where its positions were entered and left."""

from collections.abc import Iterable, Iterator

import panel as pn
from panel.viewable import Viewable

from alpha_panda.apps.charts.live_prices import PriceChart
from alpha_panda.apps.dashboard import cells, shown
from alpha_panda.apps.dashboard.cards import Card
from alpha_panda.apps.dashboard.drawing import attempting
from alpha_panda.apps.dashboard.frames import chart_of, row
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.positions import how_far
from alpha_panda.apps.dashboard.refreshing import refresh, under_lock
from alpha_panda.apps.dashboard.shell import shell, theme_of_visitor
from alpha_panda.apps.dashboard.tables import Cell, Column, Row, Table
from alpha_panda.apps.desk.history_models import Bar
from alpha_panda.apps.desk.models import Fill, InstrumentTerms, Picture

_EVERY_MS = 1_000

INSTRUMENTS = (
    Column("symbol", "Instrument", 204, grows=True),
    Column("held", "Held", 64, number=True),
)


def chart(parts: DashboardParts) -> Viewable:
    """Return the page of the prices; `?symbol=` in its address chooses an instrument."""
    prices = PriceChart(theme_of_visitor())
    card = Card("Price", chart_of(prices.figure))
    fills: dict[str, list[Fill]] = {}
    limits: dict[str, str] = {}  # how far back they were looked for, where not to their first
    chosen: list[str] = []

    def draw(picture: Picture) -> None:
        if not chosen and (symbol := first_choice(parts.desk.instruments(), picture)):
            chosen.append(symbol)
        for symbol in chosen:
            show(symbol, picture)

    def show(symbol: str, picture: Picture) -> None:
        known = fills.setdefault(symbol, [])
        known += (each for each in new_fills(symbol, picture) if each not in known)
        bars = parts.desk.bars(symbol)
        prices.show(bars, tuple(known))
        card.note(price_note(symbol, bars, known) + limits.get(symbol, ""))

    async def choose(symbol: str) -> None:
        if chosen != [symbol]:
            chosen[:] = [symbol]
            prices.show((), ())
            prices.follow()
            card.note(symbol)
        # The next picture shows them: what has waited no longer holds the page's lock.
        found = await parts.desk.fills_of(symbol)
        fills[symbol], limits[symbol] = list(found.rows), how_far(found)

    async def look_back() -> None:
        if chosen:
            await choose(chosen[0])

    def list_them(picture: Picture) -> None:
        table.put(instrument_rows(parts.desk.instruments(), picture))

    opened = attempting(card, choose, parts.now_ns)
    table = Table("Instruments", INSTRUMENTS, empty="No session has begun.", opened=opened)
    refresh(parts.picture, table, list_them, _EVERY_MS)
    refresh(parts.picture, card, draw, _EVERY_MS)
    pn.state.onload(under_lock(attempting(card, look_back, parts.now_ns)))
    listed = Card("Instruments", table, width=320, sizing_mode="stretch_height")
    return shell(parts, "/chart", row(listed, card), prices.wear)


def first_choice(instruments: Iterable[InstrumentTerms], picture: Picture) -> str:
    """Return the instrument that a page opens with: that of its address, else one that is held, else the first."""
    asked = pn.state.session_args.get("symbol", [b""])[0].decode(errors="replace")
    symbols = [each.symbol for each in instruments]
    held = [each.symbol for each in picture.positions if each.quantity]
    return next((each for each in (asked, *held) if each in symbols), symbols[0] if symbols else "")


def instrument_rows(instruments: Iterable[InstrumentTerms], picture: Picture) -> Iterator[Row]:
    """Yield the instruments of the session, with what each strategy holds of it."""
    held: dict[str, list[int]] = {}
    for each in picture.positions:
        held.setdefault(each.symbol, []).append(each.quantity)
    for each in instruments:
        quantities = held.get(each.symbol, [])
        said = " · ".join(shown.count(quantity) for quantity in quantities if quantity)
        yield {
            "key": each.symbol,
            "symbol": Cell(each.symbol, "strong" if said else "", hint=each.name),
            "held": cells.quantity(quantities[0]) if len(quantities) == 1 else said,
        }


def new_fills(symbol: str, picture: Picture) -> Iterator[Fill]:
    """Yield the fills of an instrument on the tape."""
    return (each for each in picture.happenings if isinstance(each, Fill) and each.symbol == symbol)


def price_note(symbol: str, bars: tuple[Bar, ...], fills: Iterable[Fill]) -> str:
    """Return what stands beside the title of the chart."""
    if not bars:
        return f"{symbol} · no price of it has arrived yet"
    marks = "triangles are fills, hollow ones leave a position" if any(True for _ in fills) else "nothing was filled"
    return f"{symbol} · {shown.price(bars[-1].close_e4)} at {shown.clock(bars[-1].time_ns)} · minutes · {marks}"
