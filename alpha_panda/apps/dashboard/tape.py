"""The tape in words: a line for each signal, decision, order, fill and command."""

import zlib
from collections.abc import Iterable, Iterator

from alpha_panda.apps.dashboard import shown
from alpha_panda.apps.dashboard.chain import reason_of
from alpha_panda.apps.dashboard.components import Part, module
from alpha_panda.apps.desk.models import Command, Decision, Fill, Happening, Order, Signal

LINES_MAX = 60

Line = dict[str, str]
"""A line of the tape: `key` names it for ever, `kind` is the filter that shows it."""


class TapePart(Part):
    """The tape in a frame of its own."""

    styles_of = ("parts.css", "cards.css", "tape.css")
    _esm = module("tape.js")


def tape_lines(happenings: Iterable[Happening]) -> list[Line]:
    """Return the lines of what happened, in the same order."""
    lines = [line_of(happening) for happening, _ in zip(happenings, range(LINES_MAX), strict=False)]
    return list(_named(lines))


def _named(lines: list[Line]) -> Iterator[Line]:
    """Yield lines with a key each: two that read the same are told apart by their age."""
    seen: dict[str, int] = {}
    for line in reversed(lines):
        name = f"{zlib.crc32('|'.join(line.values()).encode()):08x}"
        seen[name] = seen.get(name, 0) + 1
        line["key"] = f"{name}.{seen[name]}"
    yield from lines


def line_of(happening: Happening) -> Line:
    """Return the line of one thing that happened."""
    match happening:
        case Signal():
            return _signal(happening)
        case Decision():
            return _decision(happening)
        case Order():
            return _order(happening)
        case Fill():
            return _fill(happening)
        case Command():
            return _command(happening)


def _signal(signal: Signal) -> Line:
    target = "keeps its target" if signal.target is None else f"target {shown.target(signal.target)}"
    text = f"{signal.symbol} {target} · {signal.strategy}"
    return _line("signal", signal.time_ns, "signal", "", text)


def _decision(decision: Decision) -> Line:
    asked = f"{decision.side} {shown.count(decision.asked)} {decision.symbol}"
    if decision.verdict == "approved":
        return _line("order", decision.time_ns, "approved", "", f"{asked} · {decision.strategy}")
    granted = f", {shown.count(decision.granted)} granted" if decision.verdict == "clipped" else ""
    return _line("refusal", decision.time_ns, decision.verdict, "refused", f"{reason_of(decision)}: {asked}{granted}")


def _order(order: Order) -> Line:
    at = f" at {shown.price(order.limit_e4)}" if order.order_type in ("LIMIT", "SL") else ""
    filled = f", {shown.count(order.filled)} filled" if 0 < order.filled < order.quantity else ""
    text = f"{shown.count(order.quantity)} {order.symbol} {order.order_type}{at} {order.status}{filled}"
    link = f"/orders?order={order.order_id}"
    return {**_line("order", order.updated_ns, order.side, order.side.lower(), text), "link": link}


def _fill(fill: Fill) -> Line:
    text = f"{shown.count(fill.quantity)} {fill.symbol} at {shown.price(fill.price_e4)}"
    charges = f" · charges {shown.rupees(fill.charges.total_e4)}"
    line = _line("order", fill.time_ns, f"{fill.side} fill", fill.side.lower(), text + charges)
    return {**line, "link": f"/orders?order={fill.order_id}"}


def _command(command: Command) -> Line:
    what = " ".join(filter(None, (command.command, command.strategy)))
    reason = f" · {command.reason}" if command.reason else ""
    return _line("command", command.time_ns, "person", "person", f"{command.who}: {what}{reason}")


def _line(kind: str, time_ns: int, mark: str, tone: str, text: str) -> Line:
    return {"kind": kind, "time": shown.clock(time_ns), "mark": mark, "tone": tone, "text": text, "link": ""}
