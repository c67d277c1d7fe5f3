"""The parts of a tear sheet besides its charts: headings, figures and tables."""

import polars as pl

from alpha_panda.apps.charts.trading_time import on_trading_time
from alpha_panda.apps.markup import Html, table, tag, together
from alpha_panda.apps.tearsheet.figures import HEADLINES, Line, grouped, line, verdict
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.stats.text import duration, moment, number, percent, rupees
from alpha_panda.backtest.validate.resampling import LEVELS, MonteCarlo
from alpha_panda.backtest.validate.walk_forward import WalkForward
from alpha_panda.units import ist_date

_SYMBOLS = 6  # named in the heading
_ROWS = 8  # of a table that shows the first of many


def header(result: Result, title: str) -> Html:
    """Return the title, and what was run over what."""
    symbols = result.universe.symbols
    more = f" and {len(symbols) - _SYMBOLS:,} more" if len(symbols) > _SYMBOLS else ""
    first, last = (f"{ist_date(time_ns):%-d %b %Y}" for time_ns in (result.first_ns, result.last_ns))
    about = f"{first} to {last} · {', '.join(symbols[:_SYMBOLS])}{more}"
    return tag("header", tag("h1", title), tag("p", about))


def significance(result: Result) -> Html:
    """Return the verdict: whether this is more than luck."""
    answer, words, reason = verdict(result.stats)
    return tag("section", tag("strong", words), tag("span", reason), class_=f"card verdict {answer}")


def headlines(result: Result) -> Html:
    """Return the figures that are asked first, large."""
    lines = [line(label, result.stats[label]) for label in HEADLINES]
    return tag("dl", *map(_pair, lines), class_="card headlines")


def figures(result: Result) -> Html:
    """Return all figures in their groups; what each means shows under the pointer."""
    groups = grouped(result.stats)
    cards = [
        tag("section", tag("h2", name), tag("dl", *map(_pair, lines), class_="pairs"), class_="card")
        for name, lines in groups.items()
    ]
    return tag("div", *cards, class_="columns")


def _pair(line: Line) -> Html:
    kind = "words" if line.value.replace(" ", "").isalpha() else "figure"
    return tag("div", tag("dt", line.name), tag("dd", line.value, class_=kind), title=line.meaning)


def notes(result: Result) -> Html | None:
    """Return what a reader of the figures must know; None where there is nothing."""
    if not result.notes:
        return None
    return _card("Notes", tag("ul", *(tag("li", note) for note in result.notes)))


def drawdowns(result: Result) -> Html:
    """Return the deepest falls of the equity."""
    deepest = result.drawdowns.sort("depth", descending=True).head(_ROWS)
    seen = on_trading_time(result.equity)
    known = dict(zip(seen["time"].to_list(), seen["when"].to_list(), strict=True))
    rows = [
        (
            percent(-row["depth"]),
            known.get(row["peak"], moment(row["peak"])),
            known[row["trough"]],
            known.get(row["recovery"], "not yet"),
            f"{row['days']:,.0f}",
        )
        for row in deepest.rows(named=True)
    ]
    content = table(("depth>", "peak", "trough", "recovered", "days>"), rows) if rows else _none("It never fell.")
    return _card("Deepest drawdowns", content, "half")


def trades(result: Result, best: bool) -> Html:
    """Return the closed trades that made most, or those that lost most."""
    won = pl.col("net") > 0 if best else pl.col("net") < 0
    chosen = result.trades.filter(won).sort("net", descending=best, maintain_order=True).head(_ROWS)
    rows = [
        (
            row["symbol"],
            row["side"],
            moment(row["entry_time"]),
            duration(row["held"]),
            f"{row['quantity']:,}",
            percent(row["return"]),
            rupees(row["net"], signed=True),
            row["exit_reason"].replace("_", " "),
        )
        for row in chosen.rows(named=True)
    ]
    columns = ("instrument", "side", "entry", "held>", "quantity>", "return>", "net>", "left by")
    title, nothing = ("Best trades", "No trade won.") if best else ("Worst trades", "No trade lost.")
    return _card(title, table(columns, rows) if rows else _none(nothing), "half")


def charges(result: Result) -> Html:
    """Return the charges of each strategy, itemised."""
    items = [name for name in result.charges.columns if name != "strategy"]
    rows = [(row["strategy"], *(rupees(row[item]) for item in items)) for row in result.charges.rows(named=True)]
    return _card("Charges", table(("strategy", *(f"{item.replace('_', ' ')}>" for item in items)), rows))


def refusals(result: Result) -> Html:
    """Return what risk said no to, by rule, the most frequent first."""
    counted = result.refusals.group_by("strategy", pl.col("code").cast(pl.String)).len()
    rows = [
        (row["code"].replace("_", " "), row["strategy"], f"{row['len']:,}")
        for row in counted.sort("len", "code", "strategy", descending=[True, False, False]).rows(named=True)
    ]
    content = table(("rule", "strategy", "times>"), rows) if rows else _none("Risk let everything through.")
    return _card("Refused by risk", content, "half")


def positions(result: Result) -> Html:
    """Return what was still held at the end."""
    rows = [
        (
            row["symbol"],
            row["strategy"],
            f"{row['quantity']:,}",
            rupees(row["average_price"]),
            rupees(row["last"]),
            rupees(row["unrealised"], signed=True),
        )
        for row in result.positions.rows(named=True)
    ]
    columns = ("instrument", "strategy", "quantity>", "average>", "last>", "unrealised>")
    return _card("Held at the end", table(columns, rows) if rows else _none("Nothing was held at the end."), "half")


def windows(walked: WalkForward) -> Html:
    """Return what was chosen in each window of a walk forward, and what came of it in the next one."""
    names = walked.parameters
    rows = [
        (
            f"{row['test_from']:%-d %b %Y} to {row['test_to']:%-d %b %Y}",
            *(f"{row[name]:g}" for name in names),
            *("–" if row[name] is None else number(row[name]) for name in ("train_sharpe", "test_sharpe")),
            percent(row["test_return"]),
        )
        for row in walked.windows.rows(named=True)
    ]
    columns = ("tested", *(f"{name}>" for name in names), "Sharpe in training>", "Sharpe tested>", "return tested>")
    stitched = tag("dl", *(_pair(line(label, walked.stats[label])) for label in HEADLINES), class_="headlines")
    notes = [_none(note) for note in walked.notes]
    return _card(
        "Windows of the walk forward, and all of them together", together(table(columns, rows), stitched, *notes)
    )


def monte_carlo(drawn: MonteCarlo) -> Html:
    """Return what the drawn histories came to, beside what was observed."""
    rows = [
        (
            name.replace("_", " "),
            *(number(each) if name == "sharpe" else percent(each, signed=False) for each in values),
        )
        for name, *values in drawn.bands.drop_nulls().rows()
    ]
    columns = ("figure", "observed>", *(f"{level:.0%}>" for level in LEVELS.values()))
    about = f"{len(drawn.outcomes):,} histories, of daily returns in blocks of {drawn.block:.1f} days on average"
    return _card("What else could have been", together(table(columns, rows), _none(about)), "half")


def footer(result: Result) -> Html:
    """Return what the figures stand on: kernels' hash of the ledger, and how fills and times are to be read."""
    return tag(
        "footer",
        tag("p", f"ledger {result.ledger_hash}"),
        tag("p", "All times are IST. An order meets the first event after it; results are after charges and slippage."),
        tag("p", "This is no advice. What worked in the past may have worked by luck, and need not work again."),
    )


def _card(title: str, content: Html, width: str = "") -> Html:
    return tag("section", tag("h2", title), content, class_=f"card {width}".strip())


def _none(reason: str) -> Html:
    return tag("p", reason, class_="quiet")
