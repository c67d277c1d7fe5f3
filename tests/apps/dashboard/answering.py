"""A desk that also answers what the pages ask: histories, the way of an order, the minutes of an instrument."""

import math
import pathlib
from collections.abc import Iterator

from alpha_panda.apps.desk import history_models, models
from alpha_panda.errors import ConfigurationError
from alpha_panda.units import MINUTE_NS, SECOND_NS
from tests.apps.dashboard.example import NINE_FIFTEEN_NS, NOW_NS, FakeDesk

MADE_NS = NOW_NS - 900 * SECOND_NS


class AnsweringDesk(FakeDesk):
    """A desk with a session behind its picture, as far as pages ask for it."""

    state = pathlib.Path("no-session")

    async def history(self, kind: history_models.Kind, cursor: str | None, limit: int) -> history_models.Page:
        """Return what the tape says of a kind, all on one page."""
        what = {"fills": "fill", "commands": "command", "orders": "order", "signals": "signal"}.get(kind, "decision")
        return history_models.Page(
            rows=tuple(each for each in self.picture.happenings if each.what == what)[:limit], following=None
        )

    async def fills_of(self, symbol: str, strategy: str = "") -> history_models.FillsFound:
        """Return what the tape says of the fills of an instrument."""
        fills = [each for each in self.picture.happenings if isinstance(each, models.Fill)]
        mine = [each for each in fills if each.symbol == symbol and strategy in ("", each.strategy)]
        return history_models.FillsFound(rows=tuple(mine), looked=len(fills), all=True)

    async def lineage(self, order_id: int) -> history_models.Lineage:
        """Return the way of the order that the example fills; ConfigurationError for any other."""
        if order_id != 41:
            raise ConfigurationError(f"paper has made no order {order_id} so far: name one that the orders show")
        return example_lineage(self.picture)

    async def lineage_of(self, cursor: str) -> history_models.Lineage:
        """Return the way of a refusal, which ends with the decision."""
        decision = next(each for each in self.picture.decisions if each.cursor == cursor)
        steps = example_lineage(self.picture).steps
        refused = steps[2].model_copy(update={"says": decision})
        return example_lineage(self.picture).model_copy(
            update={"order_id": 0, "steps": (*steps[:2], refused), "symbol": decision.symbol}
        )

    def bars(self, symbol: str) -> tuple[history_models.Bar, ...]:
        """Return five hours of an instrument that the session trades."""
        if self.picture.session is None or symbol not in self.picture.session.symbols:
            raise ConfigurationError(f"the session does not trade {symbol}: name one of its instruments")
        return tuple(_minutes())

    def instruments(self) -> tuple[models.InstrumentTerms, ...]:
        """Return the instruments of the example's session."""
        if self.picture.session is None:
            return ()
        return tuple(
            models.InstrumentTerms(
                symbol=symbol,
                instrument_token=place,
                tick_e4=500,
                lot=1,
                freeze_quantity=10_000,
                kind="",
                name=symbol,
                underlying="",
                expiry=None,
                strike_e4=0,
            )
            for place, symbol in enumerate(self.picture.session.symbols)
        )

    def sessions(self) -> tuple[models.SessionListing, ...]:
        """Return the shown session and an older one that was killed."""
        return (
            models.SessionListing(
                name="2025-11-21-paper", shown=True, killed=False, running=True, log="embedded", changed_ns=NOW_NS
            ),
            models.SessionListing(
                name="2025-11-20-paper",
                shown=False,
                killed=True,
                running=False,
                log="embedded",
                changed_ns=NOW_NS - 86_400 * SECOND_NS,
            ),
        )


def example_lineage(picture: models.Picture) -> history_models.Lineage:
    """Return the way of order 41 of the example: a tick, a signal, a decision that clipped, the order, its fill."""
    fill = next(each for each in picture.happenings if isinstance(each, models.Fill))
    order = next(each for each in picture.orders if each.order_id == 41)
    working = order.model_copy(update={"status": "working", "filled": 0, "average_e4": None, "updated_ns": MADE_NS})
    decision = next(each for each in picture.decisions if each.order_id == 41)
    event = history_models.MarketEvent(
        kind="tick",
        frame=48_122,
        index=17,
        time_ns=MADE_NS,
        symbol="NSE:RELIANCE",
        open_e4=2_847_30_00,
        high_e4=2_847_30_00,
        low_e4=2_847_30_00,
        close_e4=2_847_30_00,
        volume=210,
        bid_e4=2_847_25_00,
        ask_e4=2_847_35_00,
    )
    signal = models.Signal(time_ns=MADE_NS, strategy="trend", symbol="NSE:RELIANCE", target=1.0, volatility=0.0021)
    said = (event, signal, decision.model_copy(update={"time_ns": MADE_NS}), working, fill, order)
    topics = ("market.ticks", "paper.signals.raw", "paper.signals.validated", "paper.orders.submitted")
    places = (*topics, "paper.orders.filled", "paper.orders.submitted")
    steps = [
        history_models.Step(stamp=_stamp(number, place), says=says)
        for number, (place, says) in enumerate(zip(places, said, strict=True), 1)
    ]
    return history_models.Lineage(
        symbol="NSE:RELIANCE",
        strategy="trend",
        order_id=41,
        reason="a signal of trend",
        finished=True,
        quote=event,
        steps=tuple(steps),
    )


def _stamp(number: int, topic: str) -> history_models.Stamp:
    return history_models.Stamp(
        topic=topic,
        partition=0,
        offset=48_000 + number,
        sequence=48_000 + number,
        type=topic.rpartition(".")[2],
        source="example",
        time_ns=MADE_NS,
        id=f"{number:08x}" + "0" * 24,
        correlation_id=f"{1:08x}" + "0" * 24,
        causation_id=f"{number - 1:08x}" + "0" * 24 if number > 1 else "",
    )


def _minutes() -> Iterator[history_models.Bar]:
    for minute in range(300):
        middle_e4 = 2_850_00_00 + round(20_00_00 * math.sin(minute / 35)) // 500 * 500
        yield history_models.Bar(
            time_ns=NINE_FIFTEEN_NS + minute * MINUTE_NS,
            open_e4=middle_e4 - 1_500,
            high_e4=middle_e4 + 14_000,
            low_e4=middle_e4 - 12_500,
            close_e4=middle_e4 + (2_500 if minute % 3 else -4_000),
            volume=12_000 + 137 * (minute % 11),
        )
