"""What one order costs at Zerodha and on NSE, itemised: the calculator, on the kernel that charges every fill."""

import datetime
from typing import Any, Literal, cast

import numpy as np

from alpha_panda.errors import DataError, MoneyOverflowError
from alpha_panda.kernels.charges import charge, rate_row
from alpha_panda.kernels.jit import block_kernel
from alpha_panda.kernels.rates import DELIVERY, FIRST_RATE_DATE, FUTURES, INTRADAY, OPTIONS, rates
from alpha_panda.kernels.records import BUY, CHARGES, SELL
from alpha_panda.units import ist_time_ns, to_e4, to_rupees

TradeClass = Literal["delivery", "intraday", "futures", "options"]

_CLASSES: dict[TradeClass, int] = {
    "delivery": DELIVERY,
    "intraday": INTRADAY,
    "futures": FUTURES,
    "options": OPTIONS,
}
_RATES = rates()


def _charge_template(
    rates: Any, time_ns: int, trade_class: int, side: int, quantity: int, price_e4: int, charges: Any
) -> None:
    sale = 1 if side == SELL else 0
    charge(rates[rate_row(rates, time_ns) + trade_class], side, quantity, price_e4, 0, 0, sale, charges[0])


_charge_block = block_kernel(_charge_template)


def charges_of(
    trade: TradeClass, side: Literal["buy", "sell"], quantity: int, price: float | str, on: datetime.date
) -> dict[str, float]:
    """Return what an order that fills whole is charged, item by item and in total, in rupees.

    `price` is in rupees, the premium for options; `quantity` counts units, not lots. A delivery sale pays the
    depository. Raises DataError for a trade that cannot be, or of a day before the first known rates, and
    MoneyOverflowError for one beyond exact arithmetic.
    """
    if on.isoformat() < FIRST_RATE_DATE:
        raise DataError(f"charges before {FIRST_RATE_DATE} are not known: {on} is too early")
    if not isinstance(cast(object, quantity), int | np.integer):
        raise DataError(f"an order of {quantity} cannot be charged: quantity is a whole number of units")
    price_e4 = to_e4(price)
    if quantity <= 0 or price_e4 <= 0:
        raise DataError(f"an order of {quantity} at {price} cannot be charged: quantity and price are positive")
    if int(quantity) * price_e4 >= 2**63:
        raise MoneyOverflowError(f"an order of {quantity} at {price} is worth more than can be counted exactly")
    charges = np.zeros(1, CHARGES)
    sides = {"buy": BUY, "sell": SELL}
    _charge_block(_RATES, ist_time_ns(on), _CLASSES[trade], sides[side], quantity, price_e4, charges)
    return {str(name).removesuffix("_e4"): to_rupees(charges[0][name]) for name in CHARGES.names or ()}
