"""What the log says, in the words of the screens: symbols for tokens, averages for sums."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from alpha_panda.apps.desk import models
from alpha_panda.config import Profile
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.messages import Control, Decision, Fill, OrderUpdate, PnlSnapshot, Session, Signal
from alpha_panda.live.session import universe_of
from alpha_panda.live.store.base import Position


class Shower:
    """Shows what one session says."""

    def __init__(self, session: Session, profile: Profile) -> None:
        self.universe = universe_of(session)
        self.profile = profile
        self._symbol_of = dict(zip(self.universe.tokens.tolist(), self.universe.symbols, strict=True))
        self._orders: dict[int, tuple[OrderUpdate, models.Order]] = {}  # as they were last shown, by their ids
        self._product_of = {terms.name: terms.product for terms in profile.strategies}

    def symbol(self, instrument_token: int) -> str:
        """Return the symbol of an instrument; one that is none of the session's shows its number."""
        return self._symbol_of.get(instrument_token, str(instrument_token))

    def instruments(self) -> tuple[models.InstrumentTerms, ...]:
        """Return what the session trades."""
        names = models.InstrumentTerms.model_fields
        shown = [{name: getattr(instrument, name) for name in names} for instrument in self.universe]
        return tuple(models.InstrumentTerms(**fields) for fields in shown)

    def happening(self, message: Envelope, cursor: str) -> models.Happening | None:
        """Return a line of the tape; None for a message that is none."""
        match message.data:
            case Signal() as signal:
                return self.signal(signal, message.time_ns)
            case Decision() as decision:
                return self.decision(decision, cursor)
            case OrderUpdate() as order:
                return self.order(order)
            case Fill() as fill:
                return self.fill(fill)
            case Control() as control:
                return self.command(control, message.time_ns)
            case _:
                return None

    def signal(self, signal: Signal, time_ns: int) -> models.Signal:
        """Return a strategy's target."""
        return models.Signal(
            time_ns=time_ns,
            strategy=signal.strategy,
            symbol=self.symbol(signal.instrument_token),
            target=_number(signal.target),
            volatility=signal.volatility,
        )

    def decision(self, decision: Decision, cursor: str) -> models.Decision:
        """Return a verdict of the risk rules."""
        fields = self._fields(decision)
        fields["target"] = _number(decision.target)
        return models.Decision(**fields, cursor=cursor)

    def orders(self, orders: Sequence[OrderUpdate]) -> tuple[models.Order, ...]:
        """Return orders as they stand; those that are as they were last time are not made again."""
        before, self._orders = self._orders, {}
        for order in orders:
            known = before.get(order.order_id)
            self._orders[order.order_id] = known if known and known[0] == order else (order, self.order(order))
        return tuple(shown for _, shown in self._orders.values())

    def order(self, order: OrderUpdate) -> models.Order:
        """Return an order as it stands."""
        fields = self._fields(order)
        made_ns, value_e4 = fields.pop("time_ns"), fields.pop("filled_value_e4")
        for name in ("active_ns", "expires_ns"):
            del fields[name]
        return models.Order(**fields, made_ns=made_ns, average_e4=_average_e4(value_e4, order.filled))

    def fill(self, fill: Fill) -> models.Fill:
        """Return an execution."""
        fields = self._fields(fill)
        fields["charges"] = models.Charges(**msgspec.structs.asdict(fill.charges))
        return models.Fill(**fields)

    def command(self, control: Control, time_ns: int) -> models.Command:
        """Return what a person told the account."""
        return models.Command(
            time_ns=time_ns,
            command=control.command,
            strategy=control.argument,
            who=control.who,
            reason=control.reason,
            correlation_id=control.correlation_id,
        )

    def point(self, snapshot: PnlSnapshot) -> models.Point:
        """Return a point of the equity curve."""
        fields = msgspec.structs.asdict(snapshot)
        return models.Point(**{name: fields[name] for name in models.Point.model_fields})

    def position(self, book: Position, figures: Mapping[str, float]) -> models.Position:
        """Return a book at the prices that the account last reported."""
        name = f"{book.strategy}:{book.instrument_token}"
        # The store may be ahead of the account's last report: what that says of another quantity is not of this one.
        is_of_now = figures.get(f"quantity.{name}") == book.quantity
        unrealised = figures.get(f"unrealised_e4.{name}") if is_of_now else None
        last = figures.get(f"last_e4.{book.instrument_token}")
        last_us = figures.get(f"last_us.{book.instrument_token}", 0.0)
        return models.Position(
            strategy=book.strategy,
            symbol=self.symbol(book.instrument_token),
            instrument_token=book.instrument_token,
            product=self._product_of.get(book.strategy, ""),
            quantity=book.quantity,
            average_e4=_average_e4(book.cost_e4, book.quantity),
            last_e4=None if last is None else int(last),
            last_ns=int(last_us) * 1_000,
            unrealised_e4=0 if book.quantity == 0 else None if unrealised is None else int(unrealised),
            realised_e4=book.realised_e4,
            charges_e4=book.charges_e4,
            fills=book.fills,
            updated_ns=book.updated_ns,
        )

    def _fields(self, message: Decision | OrderUpdate | Fill) -> dict[str, Any]:
        fields = msgspec.structs.asdict(message)
        fields["symbol"] = self.symbol(fields.pop("instrument_token"))
        return fields


def _average_e4(value_e4: int, quantity: int) -> int | None:
    """Return a value per unit to the nearest E4, halves upward, for the eye alone; None where there is no unit."""
    if quantity == 0:
        return None
    return (2 * abs(value_e4) + abs(quantity)) // (2 * abs(quantity))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
