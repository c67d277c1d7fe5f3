"""What a person sees of a running session: the figures of its account, as its stages published them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.box import SIMPLE_HEAD, Box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from alpha_panda.kernels.risk import CODES
from alpha_panda.live.messages import Decision
from alpha_panda.live.session import Blueprint
from alpha_panda.live.status import TRADING, Status
from alpha_panda.units import format_rupees, ist_datetime
from alpha_panda.words import WORDS

BUY, SELL, GAIN, LOSS, WARN, MUTED = "#5aa2ff", "#ff9a4d", "#2fc48d", "#ff6b61", "#e3b341", "#8e9ba8"

POSITIONS_SHOWN = 16

_NUMBERS = ("Quantity", "Average", "Last", "Unrealised", "Realised", "Charges")

# Dashes all around say that no real money moves.
_DASHED = Box("┌╌╌┐\n┆  ┆\n├╌╌┤\n┆  ┆\n├╌╌┤\n├╌╌┤\n┆  ┆\n└╌╌┘\n")
_STATE_COLOURS = {
    "running": GAIN,
    "reducing": WARN,
    "paused": WARN,
    "halted": f"bold {LOSS}",
    "killed": f"bold {LOSS}",
}
_VERDICT_COLOURS = {"approved": GAIN, "clipped": WARN, "refused": LOSS}
_STALE_S = 10.0
_WIDEST = 1_000  # columns, for what would be if there were no edge


class Pace(NamedTuple):
    """How fast a session goes, counted between two looks at it."""

    events_a_second: float
    frames_a_second: float
    feed_age_s: float


def draw(status: Status, pace: Pace) -> RenderableType:
    """Return the whole screen: what a person must not miss first, for a low one shows no more of it than fits."""
    if status.blueprint is None or status.account is None:
        first = _stages(status) if status.reports else Text(f"{status.phase} …", MUTED)
        body, feed = Group(first, *_troubles(status)), None
    else:
        body = Group(
            *_health(status, pace),
            *_troubles(status),
            Text(),
            _figures(status.account.account),
            _positions(status, status.blueprint),
            _latest(status, status.blueprint),
        )
        feed = Text(status.blueprint.feed, MUTED)
    panel = Panel(body, box=_DASHED, border_style=BUY, title=_mode(), subtitle=feed, title_align="left")
    # Outside of the frame, where a link is whole on a line of its own.
    return Group(*(Text(line, MUTED, overflow="fold") for line in status.announced), panel)


class _Fitting:
    """A table with as many of its columns as fit the screen: those that can be missed leave it, first the first."""

    def __init__(self, make: Callable[[Collection[str]], Table], missed: Sequence[str]) -> None:
        self._make, self._missed = make, missed

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        missed, table, edgeless = 0, self._make(()), options.update(width=_WIDEST)
        while missed < len(self._missed) and console.measure(table, options=edgeless).maximum > options.max_width:
            missed += 1
            table = self._make(self._missed[:missed])
        yield table


def progress_line(status: Status, pace: Pace) -> str:
    """Return how the session is doing in one line, for what is no terminal."""
    assert status.account is not None
    account = status.account.account
    return (
        f"{_clock(status.time_ns)} IST  equity {format_rupees(account['equity_e4'])}  "
        f"day {format_rupees(_day_e4(account), signed=True)}  {account['positions']} positions  "
        f"{account['orders_made']} orders  {account['events']:,} events, {pace.events_a_second:,.0f} a second"
    )


def _mode() -> Text:
    return Text.assemble((" PAPER ", f"bold reverse {BUY}"), (" no real orders ", BUY))


def _health(status: Status, pace: Pace) -> tuple[Text, Text]:
    """Return the lines that say whether all is well: market time, account and feed; how the stages keep up."""
    assert status.account is not None
    account = status.account.account
    state = WORDS["state"][int(account["state"])]
    reason = f" ({CODES[int(account['halt_code'])]})" if account["halt_code"] else ""
    age = f"feed {pace.feed_age_s:.1f} s ago"
    lags = (
        status.frames - status.signals_next,
        status.signals_next - status.account_next,
        status.published - status.projected,
    )
    first = [
        Text(f"{_clock(status.time_ns)} IST", "bold"),
        Text(f"● {state.upper()}{reason}", _STATE_COLOURS[state]),
        Text(status.phase, MUTED),
        Text(age, LOSS if status.phase == TRADING and pace.feed_age_s > _STALE_S else MUTED),
        Text(f"{status.kept_out} events kept out", WARN if status.kept_out else MUTED),
    ]
    rates = f"{pace.events_a_second:,.0f} events/s   {pace.frames_a_second:,.0f} frames/s"
    waiting = f"{lags[0]} frames for signals, {lags[1]} for the account, {lags[2]} steps for the portfolio"
    return Text("   ").join(first), Text(f"{rates}   waiting: {waiting}", MUTED)


def _stages(status: Status) -> Table:
    """Return how the stages of a process are that does not keep the account."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style=MUTED)
    for column in ("Stage", "Is", "Partitions", "Records behind", ""):
        table.add_column(column, justify="right" if column.startswith("Records") else "left")
    for stage, report in status.reports.items():
        style = GAIN if report.phase == "running" else LOSS if report.phase == "failed" else WARN
        partitions = ", ".join(map(str, report.partitions))
        behind = f"{sum(status.lags[stage].values()):,}" if stage in status.lags else ""
        table.add_row(stage, Text(report.phase, style), partitions, behind, report.note)
    return table


def _troubles(status: Status) -> Sequence[Text]:
    """Return what a person should know besides, the latest last."""
    counted = ", ".join(f"{count} {reason}" for reason, count in status.set_aside.most_common())
    aside = [f"records set aside: {counted}"] if counted else []
    return [Text(line, WARN) for line in (*status.notes, *aside, *status.warnings)]


def _figures(account: Any) -> _Fitting:
    """Return the account in a row of figures."""
    figures = (
        ("Equity", format_rupees(account["equity_e4"]), "bold"),
        ("Day P&L, net", *_signed(_day_e4(account))),
        ("Cash", format_rupees(account["cash_e4"]), ""),
        ("Exposure", format_rupees(account["gross_e4"]), ""),
        ("Charges", format_rupees(account["charges"]["total_e4"]), ""),
        ("Orders at work", str(account["orders_working"]), ""),
        ("Fills", str(account["fills"]), ""),
    )

    def made(missed: Collection[str]) -> Table:
        shown = [each for each in figures if each[0] not in missed]
        table = Table.grid(padding=(0, 3))
        for label, _, _ in shown:
            table.add_column(label, justify="right", no_wrap=True)
        table.add_row(*(Text(label, MUTED) for label, _, _ in shown))
        table.add_row(*(Text(value, style) for _, value, style in shown))
        return table

    return _Fitting(made, ("Charges", "Fills", "Cash", "Exposure"))


def _day_e4(account: Any) -> int:
    """Return what the equity has gained since the day began; nothing before the first event."""
    return int(account["equity_e4"] - account["day_start_equity_e4"]) if account["day_start_ns"] else 0


def _positions(status: Status, blueprint: Blueprint) -> RenderableType:
    """Return the books with a position, and those that had one while there is room for them."""
    assert status.account is not None
    books = status.account.books
    traded = np.argwhere((books["quantity"] != 0) | (books["charges_e4"] != 0)).tolist()
    opened = np.argwhere(books["quantity"] != 0).tolist()
    shown = traded if len(traded) <= POSITIONS_SHOWN else opened[:POSITIONS_SHOWN]
    if not traded:
        return Text(f"\nNo positions yet: {len(blueprint.strategies)} strategies are watching.\n", MUTED)
    rows = [_book(status, blueprint, strategy, instrument) for strategy, instrument in shown]
    columns = _Fitting(lambda missed: _table(rows, missed), ("Charges", "Average", "Realised", "Strategy"))
    if len(shown) == len(traded):
        return columns
    more, closed = len(opened) - len(shown), len(traded) - len(opened)
    return Group(columns, Text(f"and {more} more, and {closed} that are closed", MUTED))


def _table(rows: Sequence[Mapping[str, RenderableType]], missed: Collection[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style=MUTED)
    shown = [column for column in rows[0] if column not in missed] if rows else []
    for column in shown:
        table.add_column(column, justify="right" if column in _NUMBERS else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(row[column] for column in shown))
    return table


def _book(status: Status, blueprint: Blueprint, strategy: int, instrument: int) -> Mapping[str, RenderableType]:
    """Return the row of one book, which never changes its place among the others."""
    assert status.account is not None
    book, quote = status.account.books[strategy, instrument], status.account.quotes[instrument]
    quantity, cost_e4 = int(book["quantity"]), int(book["cost_e4"])
    style = BUY if quantity > 0 else SELL if quantity < 0 else MUTED
    unrealised_e4 = quantity * int(quote["last_e4"]) - cost_e4
    return {
        "Instrument": Text(blueprint.universe.symbols[instrument], style),
        "Strategy": Text(blueprint.names.strategies[strategy], MUTED),
        "Quantity": Text(f"{quantity:,}".replace("-", "−"), style),
        "Average": Text(format_rupees(cost_e4 // quantity) if quantity else ""),
        "Last": Text(format_rupees(quote["last_e4"]), "" if quantity else MUTED),
        "Unrealised": Text(*_signed(unrealised_e4)) if quantity else Text(),
        "Realised": Text(*_signed(int(book["realised_e4"]))),
        "Charges": Text(format_rupees(book["charges_e4"]), MUTED),
    }


def _latest(status: Status, blueprint: Blueprint) -> _Fitting:
    """Return the latest signals and decisions side by side, and what was refused by which rule."""
    symbol_of = dict(zip(blueprint.names.instrument_tokens, blueprint.universe.symbols, strict=True))
    said = [
        Text.assemble(
            (f"{_clock(time_ns)}  ", MUTED),
            f"{signal.target:+.2f} ".replace("-", "−"),
            symbol_of[signal.instrument_token],
            (f"  {signal.strategy}", MUTED),
        )
        for time_ns, signal in status.signals
    ]
    decided = [_decision(decision, symbol_of) for decision in status.decisions]
    refused = [Text.assemble((f"{count:>5}  ", WARN), code) for code, count in status.refusals.most_common(8)]
    lists = {"Latest signals": said, "Latest decisions": decided, "Refused by rule": refused}
    row = {name: Text("\n").join(lines or [Text("none yet", MUTED)]) for name, lines in lists.items()}
    return _Fitting(lambda missed: _table([row], missed), ("Latest signals", "Refused by rule"))


def _decision(decision: Decision, symbol_of: dict[int, str]) -> Text:
    colour = BUY if decision.side == "BUY" else SELL
    why = decision.code if decision.code != "none" else decision.guard if decision.guard != "none" else ""
    return Text.assemble(
        (f"{_clock(decision.time_ns)}  ", MUTED),
        (f"{decision.side:<4} ", colour),
        f"{decision.granted or decision.asked:>5,} {symbol_of[decision.instrument_token]}  ",
        (f"{'✓' if decision.verdict == 'approved' else decision.verdict} {why}", _VERDICT_COLOURS[decision.verdict]),
    )


def _signed(amount_e4: int) -> tuple[str, str]:
    """Return a gain or loss with its sign, and its colour, which never stands alone."""
    return format_rupees(amount_e4, signed=True), GAIN if amount_e4 > 0 else LOSS if amount_e4 < 0 else ""


def _clock(time_ns: int) -> str:
    return f"{ist_datetime(time_ns):%H:%M:%S}" if time_ns else "--:--:--"
