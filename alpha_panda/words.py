"""The words for the numbers in records: what people and messages call a verdict, a side, a status."""

from collections.abc import Mapping

from alpha_panda.kernels import records, risk

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
