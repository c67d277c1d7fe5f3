"""What came of a backtest: its figures, and everything it did as frames in rupees and IST."""

import dataclasses
import functools
import html
from collections.abc import Mapping

import numpy as np
import polars as pl

from alpha_panda.backtest import curve, frames, metrics
from alpha_panda.backtest.bars import Rows, bars_frame, rows_by_instrument
from alpha_panda.backtest.stats import stats_of
from alpha_panda.backtest.stats.figure import Measured, Statistic
from alpha_panda.backtest.trades import trades_frame
from alpha_panda.backtest.trials import FIRST, Tried
from alpha_panda.chain import Work
from alpha_panda.config import Profile
from alpha_panda.data.events import EventArray
from alpha_panda.instruments import Universe
from alpha_panda.kernels.rates import FIRST_RATE_DATE
from alpha_panda.kernels.records import Records
from alpha_panda.units import format_rupees, ist_date, to_e4, to_rupees

_OVERDRAFT = 0.01
"""The share of the capital that charges and a gap at the open may overdraw without a word."""


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Result:
    """One finished run; the frames are made from the records when they are first asked for."""

    profile: Profile
    universe: Universe
    events: EventArray  # what the account saw, the array that was passed or a view of it
    summary: Mapping[str, int | float | str]  # what live reports under the same names
    first_ns: int  # time of the first and the last event
    last_ns: int
    work: Work  # every decision, order change, fill and snapshot, as records
    account: Records  # ACCOUNT (1,), as the run left it
    books: Records  # BOOK (strategies, instruments)
    quotes: Records  # QUOTE (instruments,)
    trials: Tried = FIRST  # how often this data had been asked

    @property
    def ledger_hash(self) -> str:
        """A hash of the account, its books and its orders at work: equal to live's over the same events."""
        return str(self.summary["ledger_hash"])

    @functools.cached_property
    def _rows(self) -> list[Rows]:
        return rows_by_instrument(self.events, len(self.universe))

    @property
    def initial(self) -> float:
        """The capital of the account at the start, in rupees."""
        return to_rupees(self.account["initial_e4"][0])

    @functools.cached_property
    def names(self) -> frames.Names:
        """What the indices in the records stand for."""
        return frames.Names(tuple(terms.name for terms in self.profile.strategies), self.universe.symbols)

    @functools.cached_property
    def decisions(self) -> pl.DataFrame:
        """Every risk verdict with the figure that was measured and the limit it was held against."""
        return frames.decisions_frame(self.work.decisions, self.names)

    @property
    def refusals(self) -> pl.DataFrame:
        """The verdicts that let nothing through."""
        return self.decisions.filter(pl.col("verdict") == "refused")

    @functools.cached_property
    def orders(self) -> pl.DataFrame:
        """Every change of an order, in the order in which they happened; `time` is when the order was made."""
        return frames.frame_of(self.work.orders, self.names)

    @functools.cached_property
    def fills(self) -> pl.DataFrame:
        """Every execution with its itemised charges; `position` is that of its book after it."""
        return frames.frame_of(self.work.fills, self.names)

    @functools.cached_property
    def trades(self) -> pl.DataFrame:
        """The closed trades, from flat to flat in one book, in the order in which they closed."""
        return trades_frame(self.work.fills, self.names, self.events, self._rows)

    @functools.cached_property
    def charges(self) -> pl.DataFrame:
        """The itemised charges of each strategy, with the total in the last row."""
        return frames.charges_frame(self.work.fills, self.names)

    @functools.cached_property
    def equity(self) -> pl.DataFrame:
        """The account at each snapshot and, in the last row, at the end."""
        return frames.equity_frame(self.work.snapshots, self.account, self.last_ns)

    @functools.cached_property
    def positions(self) -> pl.DataFrame:
        """What was still held at the end, by book."""
        return frames.positions_frame(self.books, self.quotes, self.names)

    def bars(self, symbol: str, every: str | None = None) -> pl.DataFrame:
        """Return the bars of one instrument: its events as they came, or bars of an interval such as `15m` or `1d`."""
        index = self.universe.index_of(symbol)
        return bars_frame(self.events, self._rows[index], self.universe[index], every)

    @functools.cached_property
    def daily(self) -> pl.DataFrame:
        """The return of each day."""
        return curve.daily_returns(self.equity, self.initial)

    @functools.cached_property
    def monthly(self) -> pl.DataFrame:
        """The return of each month."""
        return curve.monthly_returns(self.daily)

    @functools.cached_property
    def drawdowns(self) -> pl.DataFrame:
        """Every fall of the equity from a peak, by its snapshots."""
        return curve.drawdowns(self.equity, self.initial, self.first_ns)

    @functools.cached_property
    def benchmark(self) -> pl.DataFrame:
        """What the capital would be, in equal parts in all traded instruments and left there, without charges."""
        traded = {symbol for terms in self.profile.strategies for symbol in terms.instruments or self.universe.symbols}
        rows = [rows for symbol, rows in zip(self.universe.symbols, self._rows, strict=True) if symbol in traded]
        return curve.benchmark_frame(self.events, rows, self.equity, self.initial)

    @functools.cached_property
    def stats(self) -> dict[str, Statistic]:
        """The figures by which a run is judged, by label; `figures_frame` of the package stats says what each is."""
        counted = metrics.account_figures(self.account, self.first_ns, self.last_ns)
        total = self.charges.row(-1, named=True)
        measured = Measured(
            account={name: values[0].item() for name, values in counted.items()},
            initial=self.initial,
            peak=to_rupees(self.account["peak_e4"][0]),
            charges=total,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            returns=self.daily["return"].to_numpy(),
            drawdowns=self.drawdowns,
            trades=self.trades,
            held=float(self.benchmark["equity"][-1]),
            tried=self.trials,
        )
        return stats_of(measured)

    @functools.cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the figures must know, one sentence each; usually nothing."""
        found: list[str] = []
        if ist_date(self.first_ns).isoformat() < FIRST_RATE_DATE:
            found.append(f"charges before {FIRST_RATE_DATE} are at the rates of that date, the earliest known")
        for instrument in np.flatnonzero(self.books["quantity"].any(axis=0)).tolist():
            seen = ist_date(self.quotes[instrument]["time_ns"])
            if seen < ist_date(self.last_ns):
                symbol = self.universe[instrument].symbol
                found.append(f"{symbol} is still held and valued at its last price, which is of {seen}")
        lowest_e4 = int(self.work.snapshots["cash_e4"].min(initial=self.account["cash_e4"][0]))
        if lowest_e4 < -_OVERDRAFT * self.account["initial_e4"][0]:
            found.append(f"the cash fell to {format_rupees(lowest_e4)}: more was bought than the account could pay for")
        if self.trials.note:
            found.append(self.trials.note)
        return tuple(found)

    def __repr__(self) -> str:
        title, rows = self._headline()
        return "\n".join([title, *(f"  {name:<14}{value}" for name, value in rows)])

    def _repr_html_(self) -> str:
        title, rows = self._headline()
        cells = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in rows)
        return f"<table><caption>{html.escape(title)}</caption>{cells}</table>"

    def _headline(self) -> tuple[str, list[tuple[str, str]]]:
        stats, summary = self.stats, self.summary
        days = f"{ist_date(self.first_ns)} to {ist_date(self.last_ns)}"
        return f"Backtest of {', '.join(self.names.strategies)} from {days}", [
            ("instruments", str(len(self.universe))),
            ("equity", format_rupees(int(self.account["equity_e4"][0]))),
            ("return", _shown(stats["Return [%]"], "+.2f", " %")),
            ("max drawdown", _shown(stats["Max. Drawdown [%]"], ".2f", " %")),
            ("sharpe", _shown(stats["Sharpe Ratio"])),
            ("trials", f"{self.trials.count:,}, deflated Sharpe {_shown(stats['Deflated Sharpe [%]'], '.1f', ' %')}"),
            ("significant", _shown(stats["Significant"])),
            ("charges", format_rupees(to_e4(summary["charges"]))),
            ("orders", f"{summary['orders']} made, {summary['refused']} refused, {summary['fills']} fills"),
            ("trades", f"{stats['# Trades']}, {_shown(stats['Win Rate [%]'], '.0f', ' %')} won"),
            ("ledger", self.ledger_hash[:16]),
            *(("note", note) for note in self.notes),
        ]


def _shown(value: Statistic, how: str = ".2f", unit: str = "") -> str:
    return f"{value:{how}}{unit}" if isinstance(value, int | float) else str(value or "–")
