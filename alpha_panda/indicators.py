"""The indicators of the strategies over columns of a frame: the same kernels, fed row by row in a compiled loop.

    from alpha_panda import indicators

    frame.with_columns(rsi=indicators.rsi(frame, 14), low=indicators.bollinger(frame, 20).struct.field("lower"))
    frame.with_columns(rsi=indicators.rsi(pl.col("close"), 14).over("symbol"))

A frame has `close`, and where an indicator asks for them `high`, `low`, `volume` and `time`: prices in rupees, as bars
have them, one row a bar. With a column `symbol` each symbol is a series of its own; its rows stand in order of time.
What works on closes alone also takes a Series, of prices in rupees or of whole numbers such as volumes, or a Polars
expression of one.

The result has one value a row: in rupees where it is a price, null until there are enough rows. A null in the input may
only come before the first value. Prices are rounded to 1/10,000 rupee on the way in, exactly as those of events are,
so that a row's figure is, bit for bit, what a strategy sees at that bar, divided by 10,000. Errors are DataErrors, for
a length that cannot be ConfigurationErrors.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, overload

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.data.columns import column, counts, from_first, prices_e4, rows_by_symbol, times_ns
from alpha_panda.errors import ConfigurationError, DataError
from alpha_panda.kernels import indicators as kernels
from alpha_panda.kernels.jit import Kernel, block_kernel, kernel
from alpha_panda.kernels.records import Records, record
from alpha_panda.kernels.windows import CAPACITY_MAX
from alpha_panda.units import E4, PRICE_E4_MAX

Frame = pl.DataFrame | pl.Series
Floats = npt.NDArray[np.float64]
Arguments = ParamSpec("Arguments")


class OfCloses(Protocol[Arguments]):
    """An indicator of closes: a Series of a frame or a Series, an expression of an expression."""

    @overload
    def __call__(self, closes: Frame, *args: Arguments.args, **kwargs: Arguments.kwargs) -> pl.Series: ...

    @overload
    def __call__(self, closes: pl.Expr, *args: Arguments.args, **kwargs: Arguments.kwargs) -> pl.Expr: ...


def _of_closes(indicator: Callable[Concatenate[Frame, Arguments], pl.Series]) -> OfCloses[Arguments]:
    """Let an indicator of closes take an expression as well."""

    @functools.wraps(indicator)
    def over(closes: Any, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Any:
        if not isinstance(closes, pl.Expr):
            return indicator(closes, *args, **kwargs)
        # Asked of nothing it names the type of its answer, and refuses a length that cannot be at once.
        answer = indicator(pl.Series(dtype=pl.Float64), *args, **kwargs)
        return closes.map_batches(lambda values: indicator(values, *args, **kwargs), return_dtype=answer.dtype)

    return over


# ── Averages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@_of_closes
def sma(closes: Frame, length: int) -> pl.Series:
    """Return the simple moving average of the last `length` closes (TA-Lib SMA)."""
    return _figure("sma", closes, _sma, kernels.window(CAPACITY_MAX), length)


@_of_closes
def ema(closes: Frame, length: int) -> pl.Series:
    """Return the exponential moving average of weight 2/(length+1), seeded with the first mean (TA-Lib EMA)."""
    return _figure("ema", closes, _ema, kernels.EMA, length)


@_of_closes
def wilder(closes: Frame, length: int) -> pl.Series:
    """Return Wilder's average, of weight 1/length, seeded with the first mean."""
    return _figure("wilder", closes, _wilder, kernels.WILDER, length)


@_of_closes
def macd(closes: Frame, fast: int = 12, slow: int = 26, signal: int = 9) -> pl.Series:
    """Return the structs `macd`, `signal` and `histogram`, their difference (TA-Lib MACD)."""
    if not fast < slow:
        raise ConfigurationError(f"a MACD of {fast} and {slow} cannot be: its fast length lies below its slow one")
    lengths = {"fast": _length("macd", fast), "slow": _length("macd", slow), "signal": _length("macd", signal)}
    return _structs("macd", ("macd", "signal", "histogram"), closes, _macd, kernels.MACD, lengths)


# ── Strength and deviation ───────────────────────────────────────────────────────────────────────────────────────────


@_of_closes
def rsi(closes: Frame, length: int = 14) -> pl.Series:
    """Return the relative strength index, 0 to 100 (TA-Lib RSI); null while no close has differed from the first."""
    return _figure("rsi", closes, _rsi, kernels.RSI, length, ratio=True)


@_of_closes
def returns(closes: Frame, length: int = 1) -> pl.Series:
    """Return the change since the close `length` rows before, as a fraction of it (TA-Lib ROCP)."""
    return _figure("returns", closes, _returns, kernels.window(CAPACITY_MAX), length, ratio=True)


@_of_closes
def deviation(closes: Frame, length: int) -> pl.Series:
    """Return the population standard deviation of the last `length` closes (TA-Lib STDDEV)."""
    return _figure("deviation", closes, _deviation, kernels.moments(CAPACITY_MAX), length)


@_of_closes
def z_score(closes: Frame, length: int) -> pl.Series:
    """Return how many deviations a close lies above the mean of the last `length`; null in a flat window."""
    return _figure("z_score", closes, _z_score, kernels.moments(CAPACITY_MAX), length, ratio=True)


# ── Channels ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@_of_closes
def bollinger(closes: Frame, length: int = 20, width: float = 2.0) -> pl.Series:
    """Return the structs `lower`, `middle` and `upper`: `sma` and `width` deviations around it (TA-Lib BBANDS)."""
    if not 0 < width < np.inf:
        raise ConfigurationError(f"a Bollinger band of width {width} cannot be: give a number above 0")
    parameters = {"length": _length("bollinger", length), "width": float(width)}
    state = kernels.moments(CAPACITY_MAX)
    return _structs("bollinger", ("lower", "middle", "upper"), closes, _bollinger, state, parameters)


@_of_closes
def highest(closes: Frame, length: int) -> pl.Series:
    """Return the highest of the last `length` closes (TA-Lib MAX)."""
    return _figure("highest", closes, _highest, kernels.extremes(CAPACITY_MAX), length)


@_of_closes
def lowest(closes: Frame, length: int) -> pl.Series:
    """Return the lowest of the last `length` closes (TA-Lib MIN)."""
    return _figure("lowest", closes, _lowest, kernels.extremes(CAPACITY_MAX), length)


def donchian(frame: pl.DataFrame, length: int = 20) -> pl.Series:
    """Return the structs `lower` and `upper`: lowest `low` and highest `high` of the `length` bars before each."""
    parameters = {"length": _length("donchian", length)}
    state = kernels.channel(CAPACITY_MAX)
    return _structs("donchian", ("lower", "upper"), frame, _donchian, state, parameters, ("high", "low"))


# ── Bars ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def atr(frame: pl.DataFrame, length: int = 14) -> pl.Series:
    """Return the average true range of `high`, `low` and `close`, Wilder's average (TA-Lib ATR)."""
    return _figure("atr", frame, _atr, kernels.ATR, length, ("high", "low", "close"))


def session_vwap(frame: pl.DataFrame) -> pl.Series:
    """Return the average of typical prices, weighted by `volume`, since IST midnight of `time`, the close of a bar.

    Null until the day's first traded unit.
    """
    needs = ("high", "low", "close", "volume", "time")
    return _structs("session_vwap", ("vwap",), frame, _session_vwap, kernels.VWAP, {}, needs).struct.field("vwap")


# ── The loop ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@kernel
def _say(state: Any, params: Any, bar: Any, figures: Any) -> None:
    """Stand for an indicator in the template; each indicator's block is compiled with its own in place."""


def _template(states: Any, params: Any, bars: Any, figures: Any) -> None:
    """Feed every bar to one indicator, and write what it says of each into its row of `figures`."""
    for i in range(len(bars)):
        _say(states[0], params[0], bars[i], figures[i])


def _figure(
    name: str,
    source: Frame,
    say: Kernel,
    state: np.dtype[Any],
    length: int,
    needs: Sequence[str] = ("close",),
    *,
    ratio: bool = False,
) -> pl.Series:
    parameters = {"length": _length(name, length)}
    return _structs(name, (name,), source, say, state, parameters, needs, ratio=ratio).struct.field(name)


def _structs(
    name: str,
    fields: Sequence[str],
    source: Frame,
    say: Kernel,
    state: np.dtype[Any],
    parameters: Mapping[str, int | float],
    needs: Sequence[str] = ("close",),
    *,
    ratio: bool = False,
) -> pl.Series:
    """Return what `say` writes for each row, as structs of `fields`; all but a `ratio` is in the unit of its input."""
    bars = _bars_of(source, needs)
    fields_of = [(key, "i8" if isinstance(value, int) else "f8") for key, value in parameters.items()]
    params = np.array([tuple(parameters.values())], record(*fields_of))
    block = block_kernel(_template, _say=say)
    figures = np.full((len(source), len(fields)), np.nan)
    for rows in bars.series:
        said = np.empty((len(rows), len(fields)))
        block(np.zeros(1, state), params, bars.records[rows], said)
        figures[rows] = said
    scale = 1 if ratio else bars.scale
    columns = {field: pl.Series(figures[:, k] / scale).fill_nan(None) for k, field in enumerate(fields)}
    return pl.DataFrame(columns).to_struct(name)


class _Bars(NamedTuple):
    """The rows of a frame as the kernels take them."""

    records: Records  # the fields of an EVENT that an indicator reads
    series: list[npt.NDArray[np.int64]]  # the rows of each symbol, in order of time
    scale: int  # what the figures are divided by to be in the unit of the input


_FIELDS = {"time": "time_ns", "volume": "volume"} | {price: f"{price}_e4" for price in ("high", "low", "close")}


def _bars_of(source: Any, needs: Sequence[str]) -> _Bars:
    frame = source.to_frame("close") if isinstance(source, pl.Series) else source
    if not isinstance(frame, pl.DataFrame):
        raise DataError(f"an indicator is asked of a frame, a Series or an expression, not of {type(source).__name__}")
    known = np.logical_and.reduce([column(frame, name).is_not_null().to_numpy() for name in needs])
    series = [from_first(symbol, rows, known[rows]) for symbol, rows in rows_by_symbol(frame)]
    counted = isinstance(source, pl.Series) and source.dtype.is_integer()
    records = np.zeros(len(frame), record(*((_FIELDS[name], "i8") for name in needs)))
    # What comes before the first value is never fed, so that any value may stand there.
    filled = frame.select(needs).fill_null(strategy="backward").fill_null(1)
    for name in needs:
        records[_FIELDS[name]] = _whole(filled["close"]) if counted else _integers(filled, name)
    return _Bars(records, series, 1 if counted else E4)


def _integers(frame: pl.DataFrame, name: str) -> npt.NDArray[np.int64]:
    if name == "time":
        return times_ns(frame)
    return counts(frame, name) if name == "volume" else prices_e4(frame, name)


def _whole(numbers: pl.Series) -> npt.NDArray[np.int64]:
    """Return a Series of whole numbers as it is; DataError beyond what the sums of the kernels hold."""
    values = numbers.cast(pl.Int64).to_numpy()
    if len(values) and np.abs(values).max() > PRICE_E4_MAX:
        raise DataError(f"the Series holds {values[np.argmax(np.abs(values))]}: whole numbers are taken up to 10¹¹")
    return values


def _length(name: str, length: object) -> int:
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= CAPACITY_MAX:
        raise ConfigurationError(f"{name} of {length!r} rows cannot be: give a whole number from 1 to {CAPACITY_MAX}")
    return length


# ── What each indicator says, in E4 ──────────────────────────────────────────────────────────────────────────────────


@kernel
def _sma(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0] = kernels.sma(state, params.length, bar.close_e4)


@kernel
def _ema(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0] = kernels.ema(state, params.length, bar.close_e4)


@kernel
def _wilder(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0] = kernels.wilder(state, params.length, bar.close_e4)


@kernel
def _macd(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0], figures[1], figures[2] = kernels.macd(state, params.fast, params.slow, params.signal, bar.close_e4)


@kernel
def _rsi(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0] = kernels.rsi(state, params.length, bar.close_e4)


@kernel
def _returns(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0] = kernels.returns(state, params.length, bar.close_e4)


@kernel
def _deviation(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0] = kernels.deviation(state, params.length, bar.close_e4)


@kernel
def _z_score(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0] = kernels.z_score(state, params.length, bar.close_e4)


@kernel
def _bollinger(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0], figures[1], figures[2] = kernels.bollinger(state, params.length, params.width, bar.close_e4)


@kernel
def _highest(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0] = kernels.rolling_max(state, params.length, bar.close_e4)


@kernel
def _lowest(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0] = kernels.rolling_min(state, params.length, bar.close_e4)


@kernel
def _donchian(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[1], figures[0] = kernels.donchian(state, params.length, bar)


@kernel
def _atr(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0] = kernels.atr(state, params.length, bar)


@kernel
def _session_vwap(state: Any, params: Any, bar: Any, figures: Any) -> None:
    figures[0] = kernels.session_vwap(state, bar)
