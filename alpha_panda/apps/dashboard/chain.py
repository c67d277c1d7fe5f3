"""The way of an order, drawn from top to bottom: event, signal, decision with its figures, order, fills, charges."""

from collections.abc import Iterable

from alpha_panda.apps.dashboard import cells, shown
from alpha_panda.apps.dashboard.sheets import NOTHING, figures, note, text
from alpha_panda.apps.dashboard.tables import Cell
from alpha_panda.apps.desk.history_models import Lineage, MarketEvent, Stamp, Step
from alpha_panda.apps.desk.models import Charges, Command, Decision, Fill, Order, Signal
from alpha_panda.apps.markup import Html, tag
from alpha_panda.units import ist_datetime
from alpha_panda.words import figures_of

_ID = 8  # letters of an id that are enough to follow it from step to step

Figures = Iterable[tuple[str, Cell | str]]

VERDICTS = {"approved": "up", "clipped": "warn", "refused": "down"}


def chain(lineage: Lineage) -> Html:
    """Return a lineage as a chain of steps, each with what it says, when, and where that stands on the log."""
    steps = [_step(step) for step in lineage.steps]
    if lineage.quote is not None and not any(step.says == lineage.quote for step in lineage.steps):
        steps.insert(0, _link("price", "known by then", lineage.quote.time_ns, _event(lineage.quote), None))
    more = NOTHING if lineage.finished else note("The order is at work: more may come of it.")
    asked = tag("p", "Asked for by ", tag("strong", lineage.reason), ".", class_="asked")
    return tag("div", asked, tag("ol", *steps, class_="chain"), more)


def _step(step: Step) -> Html:
    says, stamp = step.says, step.stamp
    match says:
        case MarketEvent():
            return _link(says.kind, says.symbol, says.time_ns, _event(says), stamp)
        case Signal():
            return _link("signal", says.strategy, says.time_ns, _signal(says), stamp)
        case Command():
            return _link("command", says.who, says.time_ns, _command(says), stamp)
        case Decision():
            return _link("decision", says.verdict, says.time_ns, _decision(says), stamp, VERDICTS[says.verdict])
        case Order():
            return _link("order", says.status, says.updated_ns, _order(says), stamp)
        case Fill():
            return _link("fill", says.side, says.time_ns, _fill(says), stamp, says.side.lower(), _charges(says.charges))


def _link(
    step: str, what: str, time_ns: int, said: Figures, stamp: Stamp | None, tone: str = "", below: Html = NOTHING
) -> Html:
    """Return one link of the chain."""
    head = tag(
        "header",
        tag("span", step, class_="kind"),
        text(Cell(what, tone), "what"),
        tag("time", instant(time_ns), title=shown.day_and_clock(time_ns)),
    )
    return tag("li", head, figures(said), below, _place(stamp) if stamp else NOTHING, class_=f"link {step}")


def _place(stamp: Stamp) -> Html:
    """Return where a message stands, its id, and the id of what caused it."""
    where = f"{stamp.topic} / {stamp.partition}, offset {shown.count(stamp.offset)}"
    named = [tag("span", where), tag("span", f"id {stamp.id[:_ID]}", title=f"id {stamp.id}", class_="code")]
    if stamp.causation_id:
        named.append(
            tag("span", f"from {stamp.causation_id[:_ID]}", title=f"caused by {stamp.causation_id}", class_="code")
        )
    return tag("footer", *named)


def instant(time_ns: int) -> str:
    """Return a time of day to the microsecond, for what follows within one."""
    return f"{ist_datetime(time_ns):%H:%M:%S.%f}" if time_ns else shown.NOT_REPORTED


# ── What each step says ──────────────────────────────────────────────────────────────────────────────────────────────


def _event(event: MarketEvent) -> Figures:
    if event.kind == "clock":
        return
    yield ("Last" if event.kind == "tick" else "Close"), cells.price(event.close_e4)
    if event.kind == "bar":
        edges = (event.open_e4, event.high_e4, event.low_e4)
        yield "Open, high, low", ", ".join(shown.price(price_e4) for price_e4 in edges)
    if event.bid_e4 or event.ask_e4:
        yield "Bid, ask", ", ".join(shown.price(price_e4 or None) for price_e4 in (event.bid_e4, event.ask_e4))
    yield "Volume", cells.count(event.volume)
    yield "Frame, place in it", f"{shown.count(event.frame)}, {shown.count(event.index)}"


def _signal(signal: Signal) -> Figures:
    yield "Target", shown.NOT_REPORTED if signal.target is None else shown.target(signal.target)
    if signal.volatility:
        yield "Volatility a bar", shown.ratio(signal.volatility, 3)


def _command(command: Command) -> Figures:
    yield "Command", " ".join(filter(None, (command.command, command.strategy)))
    if command.reason:
        yield "Reason", command.reason


def _decision(decision: Decision) -> Figures:
    yield from measured(decision)
    yield "Asked for", f"{decision.side} {shown.count(decision.asked)}"
    yield "Granted", Cell(shown.count(decision.granted), VERDICTS[decision.verdict])
    yield "At", cells.price(decision.price_e4)
    if decision.guard != "none":
        yield "Guard", cells.guard(decision.guard)


def measured(decision: Decision) -> Figures:
    """Yield the rule that clipped or refused, what it measured and what it allows, in the unit of that rule."""
    figure, limit = figures_of(decision.code, decision.figure, decision.limit)
    if decision.code != "none":
        yield "Rule", Cell(shown.words(decision.code), "strong")
    if figure:
        yield ("Worth" if decision.code == "none" else "Measured"), figure
    if limit:
        yield "Allowed", limit


def _order(order: Order) -> Figures:
    yield "Order", f"{order.side} {shown.count(order.quantity)} {order.order_type} {order.validity}"
    if order.limit_e4:
        yield "Limit", cells.price(order.limit_e4)
    if order.trigger_e4:
        yield "Trigger", cells.price(order.trigger_e4)
    if order.filled:
        yield "Filled", f"{shown.count(order.filled)} at {shown.price(order.average_e4)}"
    if order.guard != "none":
        yield "Guard", cells.guard(order.guard)


def _fill(fill: Fill) -> Figures:
    yield "Filled", f"{shown.count(fill.quantity)} at {shown.price(fill.price_e4)}"
    if fill.realised_e4:
        yield "Realised, before charges", cells.money(fill.realised_e4, signed=True)
    yield "Then held", cells.quantity(fill.position)


_ITEMS = (
    ("Brokerage", "brokerage_e4"),
    ("STT", "stt_e4"),
    ("Exchange", "transaction_e4"),
    ("SEBI", "sebi_e4"),
    ("Stamp", "stamp_e4"),
    ("GST", "gst_e4"),
    ("DP", "dp_e4"),
)


def _charges(charges: Charges) -> Html:
    """Return the charges by item, as exactly as they are kept, and their sum."""
    items = [(name, exact(getattr(charges, field))) for name, field in _ITEMS if getattr(charges, field)]
    return figures([*items, ("Charges", Cell(exact(charges.total_e4), "strong"))], "charges")


def exact(amount_e4: int) -> str:
    """Return an amount with all its decimals: items are rounded by themselves, and people add them up."""
    return f"₹{shown.price(amount_e4)}"


# ── Refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def reason_of(decision: Decision) -> str:
    """Return why something was clipped or refused, in full: the rule, what it measured, and what of it is allowed."""
    figure, limit = figures_of(decision.code, decision.figure, decision.limit)
    return " ".join(filter(None, (shown.words(decision.code), figure, f"of {limit}" if limit else "")))
