"""The records of the chain: every state, message and setting that a kernel reads or writes, as numpy dtypes.

Money is int64 E4 (1/10,000 rupee), time int64 nanoseconds UTC, quantity int64 units, ratios float64. Every field is
fixed in size, so `tobytes()` is a snapshot and equality is a comparison of bytes. The base type is `np.record` so
that the same attribute access also runs with the compiler off.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Field = tuple[str, Any] | tuple[str, Any, tuple[int, ...]]
Records = npt.NDArray[Any]


def record(*fields: Field) -> np.dtype[np.void]:
    """Return the dtype of a record with these fields, usable compiled and interpreted alike."""
    return np.dtype((np.record, list(fields)))


class Parameter(NamedTuple):
    """One parameter of a strategy: its default, whose type is the parameter's type, and the range it may take."""

    default: int | float
    low: int | float
    high: int | float


# ── Market ───────────────────────────────────────────────────────────────────────────────────────────────────────────

TICK = 0
BAR = 1
CLOCK = 2

EVENT = record(
    ("time_ns", "i8"),  # when the event became known: a bar's close, a tick's arrival
    ("instrument_token", "i4"),  # the broker's name of the instrument; negative for one that no broker lists
    ("instrument", "i2"),  # its position in this run's universe
    ("kind", "i2"),  # TICK, BAR or CLOCK
    ("open_e4", "i8"),
    ("high_e4", "i8"),
    ("low_e4", "i8"),
    ("close_e4", "i8"),
    ("volume", "i8"),  # traded within this event
    ("bid_e4", "i8"),  # 0 when unknown
    ("ask_e4", "i8"),  # 0 when unknown
    ("open_interest", "i8"),
)
"""One market event, 80 bytes: a tick is a bar of zero length; a clock carries only its time."""

SESSION = record(("open_ns", "i8"), ("close_ns", "i8"))
"""One exchange session; the rows of one calendar lie together, in time order."""

EQUITY = 0
FUTURE = 1
OPTION = 2

INSTRUMENT = record(
    ("instrument_token", "i8"),
    ("segment", "i8"),  # EQUITY, FUTURE or OPTION
    ("tick_e4", "i8"),
    ("lot", "i8"),
    ("freeze_quantity", "i8"),  # the largest single order the exchange takes; 0 is no limit
    ("sessions_start", "i8"),  # its calendar: rows [start, stop) of the sessions array
    ("sessions_stop", "i8"),
)
"""What the chain must know of an instrument, as of the day it trades."""

# ── Strategy stage ───────────────────────────────────────────────────────────────────────────────────────────────────

STAGE = record(
    ("interval_ns", "i8"),
    ("close_next_ns", "i8"),  # no bar being built closes before this
    ("fresh", "i8"),  # bars closed since the last ranking
    ("fault", "i8"),  # not 0: the kernel stopped; see FAULT_*
    ("estimate_volatility", "i8"),
    ("repeats", "i8"),  # 1 says a target again though it is that of before, so that its size is counted anew
)
"""What the strategy stage keeps per strategy."""

SLOT = record(
    ("building", "i8"),  # events in the bar being built
    ("bucket_start_ns", "i8"),  # of the bar being built or to be built next
    ("bucket_end_ns", "i8"),
    ("session_row", "i8"),  # of the sessions array, where it was last looked up
    ("session_open_ns", "i8"),
    ("session_close_ns", "i8"),
    ("close_e4", "i8"),  # of the last closed bar; 0 before the first
    ("variance", "f8"),  # exponentially weighted variance of bar returns
    ("target", "f8"),  # the last target said
)
"""What the strategy stage keeps per (strategy, instrument) besides the strategy's own state."""

SIGNAL = record(
    ("time_ns", "i8"),
    ("event_index", "i8"),  # position, in its block, of the event that caused it
    ("strategy", "i4"),
    ("instrument", "i4"),
    ("target", "f8"),  # wanted exposure in [-1, 1]
    ("volatility", "f8"),  # per bar, for sizing; 0 when not estimated
)
"""A strategy's wish, a target and not a trade."""

# ── Terms: what a run is told and never changes ──────────────────────────────────────────────────────────────────────

MIS = 0
CNC = 1
NRML = 2

SIZE_UNITS = 0
SIZE_NOTIONAL = 1
SIZE_FRACTION = 2
SIZE_VOLATILITY = 3

MARKET = 0
LIMIT = 1
SL = 2
SL_M = 3

DAY = 0
IOC = 1

MANDATE = record(
    ("capital_e4", "i8"),  # the most this strategy may have committed
    ("product", "i8"),  # MIS, CNC or NRML
    ("size_mode", "i8"),
    ("size_value", "f8"),  # units, E4 rupees, fraction of capital, or yearly volatility
    ("compounds", "i8"),  # 1 lets the capital grow and shrink with the account's equity
    ("rebalances", "i8"),  # 1 sizes a repeated target anew at its price
    ("bars_per_year", "f8"),  # annualises the volatility estimate
    ("order_type", "i8"),  # of entries; exits are always MARKET
    ("validity", "i8"),
    ("offset_ticks", "i8"),  # LIMIT: better than last by so many ticks; SL, SL-M: trigger beyond last
    ("stop_loss", "f8"),  # guards, as fractions of the entry price; 0 is off
    ("take_profit", "f8"),
    ("trailing_stop", "f8"),
    ("holding_ns_max", "i8"),
    ("square_off_ns", "i8"),  # time of day in IST since midnight; 0 is never
)
"""The terms on which one strategy trades in the account."""

SLIPPAGE_TICKS = 0
SLIPPAGE_BASIS_POINTS = 1
SLIPPAGE_HALF_SPREAD = 2

EXECUTION = record(
    ("latency_ns", "i8"),
    ("slippage_mode", "i8"),
    ("slippage", "f8"),  # ticks or basis points; with the half spread, ticks where bid and ask are unknown
    ("participation", "f8"),  # share of an event's volume that one order may take; 0 fills whole
    ("snapshot_ns", "i8"),  # spacing of the equity snapshots; 0 writes none
)
"""How the market treats our orders in a simulation."""

LIMITS = record(
    ("collar", "f8"),
    ("price_age_ns_max", "i8"),
    ("order_value_e4_max", "i8"),
    ("order_equity_fraction_max", "f8"),
    ("order_quantity_max", "i8"),
    ("instrument_fraction_max", "f8"),
    ("gross_fraction_max", "f8"),
    ("positions_max", "i8"),
    ("open_orders_max", "i8"),
    ("orders_per_second", "i8"),
    ("orders_per_second_strategy", "i8"),
    ("orders_per_minute", "i8"),
    ("orders_per_day", "i8"),
    ("duplicate_ns", "i8"),
    ("self_cross", "i8"),  # 1 refuses an order that would meet our own
    ("entry_open_ns", "i8"),  # window of opening orders, IST since midnight
    ("entry_close_ns", "i8"),
    ("after_market", "i8"),  # 1 queues an order made outside a session for the next one
    ("day_loss_reduce", "f8"),
    ("day_loss_halt", "f8"),
    ("drawdown_halt", "f8"),
    ("rejects_max", "i8"),
)
"""The account's risk limits; 0 switches a limit off, except the collar's price, which must always be known."""

# ── Account state ────────────────────────────────────────────────────────────────────────────────────────────────────

CHARGES = record(
    ("brokerage_e4", "i8"),
    ("stt_e4", "i8"),
    ("transaction_e4", "i8"),
    ("sebi_e4", "i8"),
    ("stamp_e4", "i8"),
    ("gst_e4", "i8"),
    ("dp_e4", "i8"),
    ("total_e4", "i8"),
)
"""Itemised charges, all positive; `total_e4` is the sum of the others."""

QUOTE = record(
    ("time_ns", "i8"),
    ("last_e4", "i8"),  # 0 until the first price
    ("bid_e4", "i8"),
    ("ask_e4", "i8"),
    ("volume_left", "i8"),  # what the current event still offers our orders
    ("position", "i8"),  # net over all books
    ("holders", "i8"),  # books with a position
    ("working", "i8"),  # orders at work
    ("dp_day_ns", "i8"),  # IST midnight of the last day on which a delivery sale paid the DP fee
    ("session_row", "i8"),  # of the sessions array, where it was last looked up
    ("session_open_ns", "i8"),
    ("session_close_ns", "i8"),
)
"""The account's view of one instrument."""

NO_GUARD = 0
STOP_LOSS = 1
TAKE_PROFIT = 2
TRAILING_STOP = 3
HOLDING_TIME = 4
SQUARE_OFF = 5
HALT_EXIT = 6
FLATTEN_EXIT = 7

BOOK = record(
    ("quantity", "i8"),  # signed
    ("cost_e4", "i8"),  # signed cost of the open quantity; the average cost is cost over quantity
    ("realised_e4", "i8"),  # before charges
    ("charges_e4", "i8"),
    ("working", "i8"),  # signed quantity still at work
    ("wanted", "i8"),  # signed quantity the last signal asked for
    ("committed_e4", "i8"),  # of the strategy's capital
    ("target", "f8"),  # the last target seen
    ("guard", "i8"),  # the guard that closed the book; it then waits for a changed target
    ("exiting", "i8"),  # 1 while a guard's exit has not yet emptied the book
    ("entry_time_ns", "i8"),
    ("exit_by_ns", "i8"),  # longest holding or square-off, whichever is first
    ("stop_e4", "i8"),  # price levels of the guards; 0 is off
    ("profit_e4", "i8"),
    ("extreme_e4", "i8"),  # best price since entry, for the trailing stop
    ("opened_realised_e4", "i8"),  # realised when this trade began, to tell wins from losses
    ("opened_charges_e4", "i8"),
)
"""One book per (strategy, instrument)."""

SLEEVE = record(
    ("committed_e4", "i8"),
    ("rejects", "i8"),  # consecutive
    ("disabled", "i8"),  # 1 after too many rejects, until a human resets it
    ("paused", "i8"),  # 1 from a person's pause of this strategy until the resume
    ("message_head", "i8"),
    ("message_times_ns", "i8", (8,)),
)
"""What the account keeps per strategy."""

BUY = 1
SELL = -1

WORKING = 0
TRIGGERED = 1
PARTIAL = 2
COMPLETE = 3
CANCELLED = 4
EXPIRED = 5

ORDER = record(
    ("order_id", "i8"),
    ("time_ns", "i8"),  # made
    ("updated_ns", "i8"),
    ("active_ns", "i8"),  # matches only events after this
    ("expires_ns", "i8"),
    ("strategy", "i4"),
    ("instrument", "i4"),
    ("side", "i8"),
    ("order_type", "i8"),
    ("validity", "i8"),
    ("quantity", "i8"),
    ("filled", "i8"),
    ("filled_value_e4", "i8"),
    ("limit_e4", "i8"),
    ("trigger_e4", "i8"),
    ("brokerage_e4", "i8"),  # paid so far: the cap is per order, not per fill
    ("status", "i8"),
    ("opening", "i8"),  # 1 when any of it opens or adds
    ("guard", "i8"),  # the guard that made it, NO_GUARD for a signal's
)
"""One order at work, and also what is published each time it changes."""

RUNNING = 0
REDUCING = 1  # nothing opens, for a day
PAUSED = 2  # nothing opens, until a person resumes
HALTED = 3  # nothing opens, and everything is closed
KILLED = 4  # nothing opens and nothing closes, until a person resets

ACCOUNT = record(
    ("initial_e4", "i8"),
    ("cash_e4", "i8"),
    ("equity_e4", "i8"),  # initial + realised + unrealised - charges, always
    ("realised_e4", "i8"),
    ("unrealised_e4", "i8"),
    ("gross_e4", "i8"),  # sum over instruments of |position| x last
    ("charges", CHARGES),
    ("fill_charges", CHARGES),  # of the latest fill
    ("state", "i8"),  # the most severe of what the next three ask for
    ("halt_code", "i8"),  # the loss limit that was passed, in its refusal code
    ("paused", "i8"),  # 1 from a person's pause until the resume
    ("killed", "i8"),  # 1 from a person's kill until the reset
    ("fault", "i8"),  # not 0: the kernel stopped; see FAULT_*
    ("day_start_ns", "i8"),  # IST midnight of the trading day
    ("timer_ns", "i8"),  # the next instant at which something happens by itself
    ("snapshot_next_ns", "i8"),
    ("settle_ns", "i8"),  # an instant whose bars moved the equity, and whose loss limits are still to be judged
    ("day_start_equity_e4", "i8"),
    ("day_base_e4", "i8"),  # what a day's loss is measured from: the day's first equity, or that of a reset
    ("drawdown_base_e4", "i8"),  # what a drawdown is measured from: the highest equity, since the last reset
    ("peak_e4", "i8"),
    ("trough_e4", "i8"),  # lowest equity since the peak
    ("floor_e4", "i8"),  # an equity below this must look at the loss limits
    ("rate_row", "i8"),  # row of the charges in force
    ("positions", "i8"),  # books that are not flat
    ("orders_made", "i8"),
    ("orders_working", "i8"),
    ("orders_today", "i8"),
    ("message_head", "i8"),
    ("message_times_ns", "i8", (256,)),
    ("recent_head", "i8"),
    ("recent_times_ns", "i8", (32,)),
    ("recent_keys", "i8", (32,)),  # instrument, side and quantity of the latest orders
    ("events", "i8"),
    ("signals", "i8"),
    ("approved", "i8"),
    ("clipped", "i8"),
    ("refused", "i8"),
    ("fills", "i8"),
    ("trades", "i8"),
    ("wins", "i8"),
    ("gross_profit_e4", "i8"),
    ("gross_loss_e4", "i8"),
    ("turnover_e4", "i8"),
    ("exposed_since_ns", "i8"),  # 0 while flat
    ("exposed_ns", "i8"),
    ("drawdown_max", "f8"),
    ("days", "i8"),
    ("return_mean", "f8"),  # of daily returns, by Welford's update
    ("return_m2", "f8"),
)
"""One account: cash, latched risk state, and the figures a sweep needs without an equity curve."""

FAULT_NONE = 0
FAULT_OVERFLOW = 1
FAULT_SIGNALS_FULL = 2
FAULT_BAD_TARGET = 3

# ── What the chain says ──────────────────────────────────────────────────────────────────────────────────────────────

APPROVED = 0
CLIPPED = 1
REFUSED = 2

DECISION = record(
    ("time_ns", "i8"),
    ("strategy", "i4"),
    ("instrument", "i4"),
    ("verdict", "i8"),
    ("code", "i8"),  # the rule that clipped or refused; risk.py lists them
    ("side", "i8"),
    ("asked", "i8"),
    ("granted", "i8"),
    ("price_e4", "i8"),
    ("figure", "f8"),  # what was measured
    ("limit", "f8"),  # against what it was held
    ("target", "f8"),
    ("order_id", "i8"),  # 0 when refused
    ("guard", "i8"),
)
"""A risk verdict with the figures that caused it; only an approval carries an order id."""

FILL = record(
    ("time_ns", "i8"),
    ("order_id", "i8"),
    ("strategy", "i4"),
    ("instrument", "i4"),
    ("side", "i8"),
    ("quantity", "i8"),
    ("price_e4", "i8"),
    ("charges", CHARGES),
    ("realised_e4", "i8"),
    ("position", "i8"),  # of the book, after this fill
    ("guard", "i8"),
)
"""One execution with its charges."""

SNAPSHOT = record(
    ("time_ns", "i8"),
    ("cash_e4", "i8"),
    ("equity_e4", "i8"),
    ("realised_e4", "i8"),
    ("unrealised_e4", "i8"),
    ("charges_e4", "i8"),
    ("gross_e4", "i8"),
    ("state", "i8"),
)
"""The account at an instant."""
