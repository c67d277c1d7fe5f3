"""What one fill costs: brokerage, taxes and fees, itemised and exact to the E4.

Each item is rounded by itself, half up, to 1/10,000 rupee. The contract note rounds further, STT to a whole rupee on
the average price of each side and day, which no single fill can know: a day's sum comes close to the note, no more.
"""

from typing import Any

from alpha_panda.kernels.jit import kernel
from alpha_panda.kernels.rates import CLASSES, DELIVERY, FUTURES, INTRADAY, OPTIONS
from alpha_panda.kernels.records import BUY, FUTURE, MIS, OPTION

_BILLION = 10**9


@kernel
def charge(
    rate: Any,
    side: int,
    quantity: int,
    price_e4: int,
    order_value_before_e4: int,
    brokerage_before_e4: int,
    dp_due: int,
    charges: Any,
) -> None:
    """Write what a fill of `quantity` > 0 units is charged at `rate`, a RATE row, into the CHARGES record `charges`.

    Brokerage is per executed order and capped, so a fill pays what it adds to the brokerage of its order, whose earlier
    fills were worth `order_value_before_e4` and paid `brokerage_before_e4`. A `dp_due` of 1 adds the DP fee, due on the
    first delivery sale of an instrument in a day. GST is taken on the billed, hence rounded, amounts. The value of the
    whole order must fit int64.
    """
    value_e4 = quantity * price_e4
    brokerage_e4 = order_brokerage_e4(rate, order_value_before_e4 + value_e4) - brokerage_before_e4
    sebi_e4 = share_e4(value_e4, rate.sebi_ppb)
    taxable_e4 = share_e4(value_e4, rate.transaction_ppb + rate.gst_on_ipft * rate.ipft_ppb)
    charges.brokerage_e4 = brokerage_e4
    charges.stt_e4 = share_e4(value_e4, rate.stt_buy_ppb if side == BUY else rate.stt_sell_ppb)
    charges.transaction_e4 = share_e4(value_e4, rate.transaction_ppb + rate.ipft_ppb)
    charges.sebi_e4 = sebi_e4
    charges.stamp_e4 = share_e4(value_e4, rate.stamp_buy_ppb if side == BUY else rate.stamp_sell_ppb)
    charges.gst_e4 = share_e4(brokerage_e4 + taxable_e4 + rate.gst_on_sebi * sebi_e4, rate.gst_ppb)
    charges.dp_e4 = dp_due * rate.dp_e4
    charges.total_e4 = (
        charges.brokerage_e4
        + charges.stt_e4
        + charges.transaction_e4
        + charges.sebi_e4
        + charges.stamp_e4
        + charges.gst_e4
        + charges.dp_e4
    )


@kernel
def order_brokerage_e4(rate: Any, order_value_e4: int) -> int:
    """Return the brokerage of one executed order: a share of its value, within the limits of the rate."""
    return min(max(share_e4(order_value_e4, rate.brokerage_ppb), rate.brokerage_e4_min), rate.brokerage_e4_max)


@kernel
def share_e4(value_e4: int, ppb: int) -> int:
    """Return `ppb` parts per billion of a value, rounded half up.

    Exact for every value >= 0 in int64 and every `ppb` up to a billion: the value is taken apart so that no product
    leaves int64.
    """
    return value_e4 // _BILLION * ppb + (value_e4 % _BILLION * ppb + _BILLION // 2) // _BILLION


@kernel
def add_charges(total: Any, charges: Any) -> None:
    """Add one CHARGES record to another, item by item."""
    total.brokerage_e4 += charges.brokerage_e4
    total.stt_e4 += charges.stt_e4
    total.transaction_e4 += charges.transaction_e4
    total.sebi_e4 += charges.sebi_e4
    total.stamp_e4 += charges.stamp_e4
    total.gst_e4 += charges.gst_e4
    total.dp_e4 += charges.dp_e4
    total.total_e4 += charges.total_e4


@kernel
def rate_row(rates: Any, time_ns: int) -> int:
    """Return where the rates in force at an instant begin in the RATE table; before the first date, the first.

    The rate of a class of trade is `rates[rate_row + trade_class]`.
    """
    row = len(rates) - CLASSES
    while row > 0 and rates[row].from_ns > time_ns:
        row -= CLASSES
    return row


@kernel
def class_of(segment: int, product: int) -> int:
    """Return the class of trade that an instrument's segment and a product are charged as.

    The product decides, and shares under NRML count as delivered. Shares bought and sold as CNC on one day stay
    delivery here; the broker bills such a pair as intraday, which is cheaper but known only after the second trade.
    """
    if segment == FUTURE:
        return FUTURES
    if segment == OPTION:
        return OPTIONS
    return INTRADAY if product == MIS else DELIVERY
