"""The parts of a tear sheet besides its charts: headings, figures and tables."""

from collections.abc import Iterator, Mapping

import polars as pl

from alpha_panda.apps.tearsheet.figures import HEADLINES, duration, grouped, moment, percent, rupees, shown, verdict
from alpha_panda.apps.tearsheet.markup import Html, table, tag
from alpha_panda.backtest.result import Result
from alpha_panda.units import ist_date

_SYMBOLS = 6  # named in the heading
_ROWS = 8  # of a table that shows the first of many
_DATE = "%-d %b %Y"


def header(result: Result, title: str) -> Html:
    """Return the title, and what was run over what."""
    symbols = result.universe.symbols
    more = f" and {len(symbols) - _SYMBOLS:,} more" if len(symbols) > _SYMBOLS else ""
    first, last = (ist_date(time_ns).strftime(_DATE) for time_ns in (result.first_ns, result.last_ns))
    return tag(
        "header", tag("h1", title), tag("p", f"{first} to {last} · {', '.join(symbols[:_SYMBOLS])}{more}"), lang="en-IN"
    )


def significance(result: Result) -> Html:
    """Return the verdict: whether this is more than luck."""
    answer, sentence = verdict(result)
    word, _, reason = sentence.partition(": ")
    return tag("section", tag("strong", word), tag("span", reason), class_=f"card verdict {answer}")


def headlines(result: Result) -> Html:
    """Return the figures that are asked first, large."""
    known = [(label, shown(label, result.stats[label])) for label in HEADLINES if label in result.stats]
    pairs = [tag("div", tag("dt", label), tag("dd", text)) for label, text in known]
    return tag("dl", *pairs, class_="card headlines")


def figures(result: Result) -> Iterator[Html]:
    """Yield a card for each group of figures."""
    for name, known in grouped(result.stats).items():
        yield tag("section", tag("h2", name), _pairs(known), class_="card third")


def _pairs(known: Mapping[str, str]) -> Html:
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", text)) for name, text in known.items()), class_="pairs")


def notes(result: Result) -> Html | None:
    """Return what a reader of the figures must know; None where there is nothing."""
    if not result.notes:
        return None
    return _card("Notes", tag("ul", *(tag("li", note) for note in result.notes)))


def drawdowns(result: Result) -> Html:
    """Return the deepest falls of the equity."""
    deepest = result.drawdowns.sort("depth", descending=True).head(_ROWS)
    rows = [
        (percent(-row["depth"]), moment(row["peak"]), moment(row["trough"]), _recovered(row), f"{row['days']:,.1f}")
        for row in deepest.rows(named=True)
    ]
    columns = ("depth>", "peak", "trough", "recovered", "days>")
    return _card("Deepest drawdowns", table(columns, rows) if rows else _none("The equity never fell."))


def _recovered(row: Mapping[str, object]) -> str:
    return "not yet" if row["recovery"] is None else moment(row["recovery"])  # pyright: ignore[reportArgumentType]  # an instant


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
    return _card(title, table(columns, rows) if rows else _none(nothing))


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
    nothing = _none("Risk let everything through.")
    return _card("Refused by risk", table(("rule", "strategy", "times>"), rows) if rows else nothing, "half")


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
