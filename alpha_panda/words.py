"""The words for the numbers in records: what people and messages call a verdict, a side, a status."""

from collections.abc import Callable, Mapping

from alpha_panda.kernels import records, risk
from alpha_panda.units import SECOND_NS, format_rupees, ist_datetime

WORDS: Mapping[str, Mapping[int, str]] = {
    "verdict": {records.APPROVED: "approved", records.CLIPPED: "clipped", records.REFUSED: "refused"},
    "code": risk.CODES,
    "side": {records.BUY: "BUY", records.SELL: "SELL"},
    "order_type": {records.MARKET: "MARKET", records.LIMIT: "LIMIT", records.SL: "SL", records.SL_M: "SL-M"},
    "validity": {records.DAY: "DAY", records.IOC: "IOC"},
    "status": {
        records.WORKING: "working",
        records.TRIGGERED: "triggered",
        records.PARTIAL: "partial",
        records.COMPLETE: "complete",
        records.CANCELLED: "cancelled",
        records.EXPIRED: "expired",
    },
    "guard": {
        records.NO_GUARD: "none",
        records.STOP_LOSS: "stop_loss",
        records.TAKE_PROFIT: "take_profit",
        records.TRAILING_STOP: "trailing_stop",
        records.HOLDING_TIME: "holding_time",
        records.SQUARE_OFF: "square_off",
        records.HALT_EXIT: "halt_exit",
        records.FLATTEN_EXIT: "flatten",
    },
    "state": {
        records.RUNNING: "running",
        records.REDUCING: "reducing",
        records.PAUSED: "paused",
        records.HALTED: "halted",
        records.KILLED: "killed",
    },
}
"""What the numbers in these fields of a record are called."""


def figures_of(code: str, figure: float, limit: float) -> tuple[str, str]:
    """Return what a risk rule measured and what it allows, in the unit of that rule; empty where it says neither.

    Where no rule objects, what the opening part of the order is worth was measured; an exit opens nothing. What is
    close to its limit has as many digits as it takes to see on which side it is.
    """
    if (say := _FRACTIONS.get(code)) is not None:
        more = next((more for more in range(_DIGITS_MORE_MAX) if say(figure, more) != say(limit, more)), 0)
        return say(figure, more), say(limit, more)
    read = _UNITS.get(code)
    if read is None or (code == "none" and not figure):
        return "", ""
    return read(figure), "" if code in _WITHOUT_LIMIT else read(limit)


def _age(age_ns: float, more: int) -> str:
    return f"{age_ns / SECOND_NS:,.{1 + more}f} s"


def _distance(ratio: float, more: int) -> str:
    return f"{ratio:.{2 + more}%} from the last price"


def _clock(day_ns: float) -> str:
    seconds = round(day_ns) // SECOND_NS
    return f"{seconds // 3_600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _instant(time_ns: float) -> str:
    return f"{ist_datetime(round(time_ns)):%Y-%m-%d %H:%M:%S}" if time_ns else ""


_UNITS: Mapping[str, Callable[[float], str]] = {
    **dict.fromkeys(
        ("none", "order_value", "order_equity", "concentration", "gross_exposure", "nothing_to_buy_with"),
        lambda amount_e4: format_rupees(round(amount_e4)),
    ),
    **dict.fromkeys(("order_quantity", "positions", "open_orders", "rate_day"), lambda count: f"{count:,.0f}"),
    **dict.fromkeys(("rate_second", "rate_second_strategy"), lambda count: f"{count:,.0f} a second"),
    "rate_minute": lambda count: f"{count:,.0f} a minute",
    "strategy_disabled": lambda count: f"{count:,.0f} refusals in a row",
    "after_market": _instant,
    "outside_window": _clock,
    "self_cross": lambda order_id: f"order {order_id:.0f}",
    **dict.fromkeys(("halted", "reduce_only"), lambda code: risk.CODES[round(code)].replace("_", " ")),
    "exiting": lambda guard: WORDS["guard"][round(guard)].replace("_", " "),
}
_FRACTIONS: Mapping[str, Callable[[float, int], str]] = {"stale_price": _age, "duplicate": _age, "collar": _distance}
_DIGITS_MORE_MAX = 9
_WITHOUT_LIMIT = ("none", "self_cross", "halted", "reduce_only", "exiting")
