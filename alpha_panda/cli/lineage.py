"""`alpha-panda lineage`: what led to an order, and what came of it."""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Annotated, Any, cast

import msgspec
from cyclopts import Parameter

from alpha_panda.cli.options import Json
from alpha_panda.errors import ConfigurationError
from alpha_panda.live.messages import Charges, Decision, Fill, OrderUpdate
from alpha_panda.live.past.descent import Lineage, MarketEvent, Stamp
from alpha_panda.live.past.lineage import lineage, lineage_of_refusal
from alpha_panda.terminal import print_json, show, table
from alpha_panda.units import format_rupees, ist_datetime, to_rupees
from alpha_panda.words import figures_of

_CHARGES = ("brokerage", "STT", "transaction", "SEBI", "stamp", "GST", "DP", "total")
_ID = 8  # letters of an id that are enough to follow it from line to line


def show_lineage(
    order_id: Annotated[int | None, Parameter(name="ORDER_ID", help="As every list of orders shows it.")] = None,
    /,
    *,
    state: Annotated[pathlib.Path, Parameter(help="The directory of the session, live/state/….")],
    refusal: Annotated[
        int | None, Parameter(help="Instead of an order, a refused decision by its offset in the topic of rejections.")
    ] = None,
    json: Json = False,
) -> None:
    """Follow an order from the tick over the signal and the risk decision to its fills and their charges.

    Each step names where it stands on the log, its id and the id of its cause. The session may be running.
    """
    if (order_id is None) == (refusal is None):
        raise ConfigurationError("name one order, as in alpha-panda lineage 12 --state DIR, or one --refusal OFFSET")
    found = lineage(state, order_id) if order_id is not None else lineage_of_refusal(state, cast(int, refusal))
    if json:
        print_json(_as_json(found))
        return
    decision = found.decision.data
    what = f"Order {decision.order_id}" if decision.order_id else "A refusal"
    title = f"{what}: {decision.side} {decision.asked:,} {found.symbol} for {decision.strategy}, by {found.reason}"
    show(table(title, ("step", "time", "what it says", "stands at", "id", "cause"), _steps(found)))
    fills = [each.data for each in found.order if isinstance(each.data, Fill)]
    if fills:
        columns = ("fill", *(f"{name}>" for name in _CHARGES))
        show(table("Charges", columns, [(_clock(fill.time_ns), *_charges(fill.charges)) for fill in fills]))
    if not found.is_finished:
        show("the order is at work: more may come of it")


# ── As a table ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _steps(found: Lineage) -> Iterator[tuple[str, ...]]:
    if found.quote is not None and found.quote != found.event:
        yield _market("price", found.quote)
    if found.event is not None:
        yield _market(found.event.kind, found.event)
    if found.frame is not None:
        yield _said("frame", "", found.frame)
    if found.command is not None:
        command = found.command.data
        yield _said("command", " ".join(filter(None, (command.command, command.argument))), found.command.stamp)
    if found.signal is not None:
        signal = found.signal.data
        yield _said("signal", f"target {signal.target:+.2f}, volatility {signal.volatility:.6g}", found.signal.stamp)
    yield _said("decision", _verdict(found.decision.data), found.decision.stamp)
    for each in found.order:
        data = each.data
        yield (
            _said("fill", _fill(data), each.stamp)
            if isinstance(data, Fill)
            else _said("order", _order(data), each.stamp)
        )


def _market(step: str, event: MarketEvent) -> tuple[str, ...]:
    return step, _clock(event.time_ns), _prices(event), f"frame {event.frame:,}, event {event.index:,}", "", ""


def _said(step: str, what: str, stamp: Stamp) -> tuple[str, ...]:
    place = f"{stamp.topic}/{stamp.partition} offset {stamp.offset:,}, sequence {stamp.sequence:,}"
    return step, _clock(stamp.time_ns), what, place, stamp.id[:_ID], stamp.causation_id[:_ID]


def _prices(event: MarketEvent) -> str:
    if event.kind == "clock":
        return ""
    quotes = [
        f"{name} {format_rupees(price)}" for name, price in (("bid", event.bid_e4), ("ask", event.ask_e4)) if price
    ]
    return ", ".join([format_rupees(event.close_e4), *quotes, f"volume {event.volume:,}"])


def _verdict(decision: Decision) -> str:
    measured, allowed = figures_of(decision.code, decision.figure, decision.limit)
    rule = "" if decision.code == "none" else f" by {decision.code.replace('_', ' ')}"
    held = f", against {allowed}" if allowed else ""
    figures = f": {measured}{held}" if measured else ""
    asked = f"{decision.granted:,} of {decision.asked:,} granted at {format_rupees(decision.price_e4)}"
    return f"{decision.verdict}{rule}{figures}; {asked}"


def _order(order: OrderUpdate) -> str:
    prices = [
        f"{name} {format_rupees(price)}"
        for name, price in (("limit", order.limit_e4), ("trigger", order.trigger_e4))
        if price
    ]
    what = " ".join([order.side, f"{order.quantity:,}", order.order_type, order.validity, *prices])
    return f"{order.status}: {what}, {order.filled:,} filled"


def _fill(fill: Fill) -> str:
    realised = f", realised {format_rupees(fill.realised_e4, signed=True)}" if fill.realised_e4 else ""
    return f"{fill.side} {fill.quantity:,} at {format_rupees(fill.price_e4)}{realised}; position {fill.position:,}"


def _charges(charges: Charges) -> Iterator[str]:
    return (format_rupees(amount_e4) for amount_e4 in msgspec.structs.astuple(charges))


def _clock(time_ns: int) -> str:
    return f"{ist_datetime(time_ns):%H:%M:%S.%f}"


# ── As JSON ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _as_json(found: Lineage) -> dict[str, Any]:
    decision = found.decision.data
    measured, allowed = figures_of(decision.code, decision.figure, decision.limit)
    plain = cast(dict[str, Any], _plain(dataclasses.asdict(found)))
    return {"reason": found.reason, "finished": found.is_finished, "measured": measured, "allowed": allowed, **plain}


def _plain(value: Any) -> Any:
    """Return nested tables in rupees and IST."""
    if isinstance(value, msgspec.Struct):
        return _plain(msgspec.structs.asdict(value))
    if isinstance(value, list | tuple):
        return [_plain(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    return dict(_field(name, each) for name, each in cast("dict[str, Any]", value).items())


def _field(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith("_e4"):
        return name.removesuffix("_e4"), to_rupees(value)
    if name.endswith("_ns"):
        return name.removesuffix("_ns"), ist_datetime(value).isoformat(timespec="microseconds")
    return name, _plain(value)
