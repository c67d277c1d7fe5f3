"""The dated rates of every charge on a trade in shares, futures and options on NSE through Zerodha.

`CHANGES` is what to check against the published rates, one change at a time, each with its source; `rates` turns it
into the table that the kernels read. A rate is in parts per billion of the traded value (of the premium for options):
the smallest one published, 0.01 rupee per crore, is exactly 1.

Where the sources leave a question open, the answer is a row or a column of the table:

- GST on NSE's contribution to its investor protection fund (IPFT): not charged until February 2026, since Kite's own
  figures of 2023 leave it out to the last digit; charged from 2026-03-01, when NSE folded it into its one rate.
- Stamp duty before 2020-07-01 differed by state: the table holds Maharashtra's, which both sides paid.
- The brokerage cap is 20 rupees. Zerodha takes 40 while an account is in debit, and since 2026-04-01 for intraday use
  of collateral with less than half in cash; a fill cannot tell either, so such orders are charged too little.
- The DP fee is due on each delivery sale. Until 2021-06-01 shares sold the day after they were bought (BTST) were free
  of it, which a fill cannot tell: such sales are charged too much.

Not covered: BSE's rates, the tax on exercised options, and the lower tax on fund units, which are charged like shares.
"""

from typing import NamedTuple

import numpy as np

from alpha_panda.kernels.clock import IST_OFFSET_NS
from alpha_panda.kernels.records import Records, record

DELIVERY = 0
INTRADAY = 1
FUTURES = 2
OPTIONS = 3
CLASSES = 4
"""How many classes of trade there are, hence rows in a block of the table."""

RATE = record(
    ("from_ns", "i8"),  # IST midnight of the first trade date
    ("trade_class", "i8"),  # DELIVERY, INTRADAY, FUTURES or OPTIONS
    ("brokerage_ppb", "i8"),  # per executed order, within the two limits; a flat fee has equal limits
    ("brokerage_e4_min", "i8"),
    ("brokerage_e4_max", "i8"),
    ("stt_buy_ppb", "i8"),
    ("stt_sell_ppb", "i8"),
    ("transaction_ppb", "i8"),  # NSE's own charge, without IPFT
    ("ipft_ppb", "i8"),
    ("sebi_ppb", "i8"),
    ("stamp_buy_ppb", "i8"),
    ("stamp_sell_ppb", "i8"),
    ("gst_ppb", "i8"),
    ("gst_on_sebi", "i8"),  # 1 when GST is due on the SEBI fee
    ("gst_on_ipft", "i8"),  # 1 when GST is due on IPFT
    ("dp_e4", "i8"),  # with GST, per instrument and day with a delivery sale
)
"""What one class of trade is charged from one date on."""


class Change(NamedTuple):
    """From this IST trade date on, this column holds this value for these classes of trade."""

    date: str
    column: str
    classes: tuple[int, ...]
    value: int
    source: str


def _percent(rate: float) -> int:
    return round(rate * 10_000_000)


def _per_crore(rupees: float) -> int:
    return round(rupees * 100)


def _rupees(amount: float) -> int:
    return round(amount * 10_000)


ALL = (DELIVERY, INTRADAY, FUTURES, OPTIONS)
CASH = (DELIVERY, INTRADAY)

_ZERODHA_2020 = "Zerodha's list of charges, copied 2020-02-07 by ussagar.org"
_ZERODHA_2024 = "Zerodha's list of charges, mid 2024"
_ZERODHA_APRIL_2020 = "Zerodha's letter to its clients, early April 2020, tradingqna.com 74161"
_ZERODHA_DP = "support.zerodha.com, what do DP charges mean"
_KITE_2023 = "answers of Kite's /charges/orders and /margins/orders, 2023"
_STT_HISTORY = "history of STT since 2004 by Zerodha, tradingqna.com 185139"
_STT_2023 = "Finance Act 2023"
_STT_2024 = "Finance (No. 2) Act 2024"
_STT_2026 = "NSE circular on STT, 2026-03-31"
_NSE_2021 = "NSE raised its charges by 6 %, told by The Hindu, 2023-03-24"
_NSE_2023 = "NSE circular FA/56129, 2023-03-24"
_NSE_2024 = "NSE revised its charges, hindustantimes.com, 2024-09-27"
_NSE_2026 = "NSE circular FA73061, 2026-02-27"
_SEBI_2020 = "SEBI press release 24/2020, 2020-04-27: half the fee from June 2020 to March 2021"
_GST_SEBI = "BSE notice 20220830-5: GST on the SEBI fee from 2022-07-18"
_STAMP_STATES = "stamp duty by state, samco.in: Maharashtra"
_STAMP_2020 = "Zerodha bulletin 259741, 2020-07-01: uniform stamp duty"

CHANGES = (
    # Delivery is free. Of the rise to 0.03 % only "early April" is known; its first day is never too cheap.
    Change("2020-01-01", "brokerage_ppb", (INTRADAY, FUTURES), _percent(0.01), _ZERODHA_2020),
    Change("2020-01-01", "brokerage_e4_max", (INTRADAY, FUTURES, OPTIONS), _rupees(20), _ZERODHA_2020),
    Change("2020-01-01", "brokerage_e4_min", (OPTIONS,), _rupees(20), _ZERODHA_2020),
    Change("2020-04-01", "brokerage_ppb", (INTRADAY, FUTURES), _percent(0.03), _ZERODHA_APRIL_2020),
    # Securities transaction tax (STT).
    Change("2020-01-01", "stt_buy_ppb", (DELIVERY,), _percent(0.1), _STT_HISTORY),
    Change("2020-01-01", "stt_sell_ppb", (DELIVERY,), _percent(0.1), _STT_HISTORY),
    Change("2020-01-01", "stt_sell_ppb", (INTRADAY,), _percent(0.025), _STT_HISTORY),
    Change("2020-01-01", "stt_sell_ppb", (FUTURES,), _percent(0.01), _STT_HISTORY),
    Change("2020-01-01", "stt_sell_ppb", (OPTIONS,), _percent(0.05), _STT_HISTORY),
    Change("2023-04-01", "stt_sell_ppb", (FUTURES,), _percent(0.0125), _STT_2023),
    Change("2023-04-01", "stt_sell_ppb", (OPTIONS,), _percent(0.0625), _STT_2023),
    Change("2024-10-01", "stt_sell_ppb", (FUTURES,), _percent(0.02), _STT_2024),
    Change("2024-10-01", "stt_sell_ppb", (OPTIONS,), _percent(0.1), _STT_2024),
    Change("2026-04-01", "stt_sell_ppb", (FUTURES,), _percent(0.05), _STT_2026),
    Change("2026-04-01", "stt_sell_ppb", (OPTIONS,), _percent(0.15), _STT_2026),
    # NSE's transaction charge, of its highest slab while there were slabs.
    Change("2020-01-01", "transaction_ppb", CASH, _percent(0.00325), _ZERODHA_2020),
    Change("2020-01-01", "transaction_ppb", (FUTURES,), _percent(0.0019), _ZERODHA_2020),
    Change("2020-01-01", "transaction_ppb", (OPTIONS,), _percent(0.05), _ZERODHA_2020),
    Change("2021-01-01", "transaction_ppb", CASH, _percent(0.00345), _NSE_2021),
    Change("2021-01-01", "transaction_ppb", (FUTURES,), _percent(0.002), _NSE_2021),
    Change("2021-01-01", "transaction_ppb", (OPTIONS,), _percent(0.053), _NSE_2021),
    Change("2023-04-01", "transaction_ppb", CASH, _percent(0.00325), _NSE_2023),
    Change("2023-04-01", "transaction_ppb", (FUTURES,), _percent(0.0019), _NSE_2023),
    Change("2023-04-01", "transaction_ppb", (OPTIONS,), _percent(0.05), _NSE_2023),
    Change("2024-04-01", "transaction_ppb", CASH, _percent(0.00322), _ZERODHA_2024),
    Change("2024-04-01", "transaction_ppb", (FUTURES,), _percent(0.00188), _ZERODHA_2024),
    Change("2024-04-01", "transaction_ppb", (OPTIONS,), _percent(0.0495), _ZERODHA_2024),
    Change("2024-10-01", "transaction_ppb", CASH, _percent(0.00297), _NSE_2024),
    Change("2024-10-01", "transaction_ppb", (FUTURES,), _percent(0.00173), _NSE_2024),
    Change("2024-10-01", "transaction_ppb", (OPTIONS,), _percent(0.03503), _NSE_2024),
    Change("2026-03-01", "transaction_ppb", CASH, _percent(0.0030699), _NSE_2026),
    Change("2026-03-01", "transaction_ppb", (FUTURES,), _percent(0.0018299), _NSE_2026),
    Change("2026-03-01", "transaction_ppb", (OPTIONS,), _percent(0.0355299), _NSE_2026),
    # IPFT was 0.01 rupee per crore before 2023-04-01 as well, but Kite's figures at those rates do not contain it.
    Change("2023-04-01", "ipft_ppb", (DELIVERY, INTRADAY, FUTURES), _per_crore(10), _NSE_2023),
    Change("2023-04-01", "ipft_ppb", (OPTIONS,), _per_crore(50), _NSE_2023),
    Change("2026-03-01", "ipft_ppb", ALL, _per_crore(0.01), _NSE_2026),
    Change("2020-01-01", "sebi_ppb", ALL, _per_crore(10), _ZERODHA_2020),
    Change("2020-06-01", "sebi_ppb", ALL, _per_crore(5), _SEBI_2020),
    Change("2021-04-01", "sebi_ppb", ALL, _per_crore(10), _SEBI_2020),
    # Stamp duty.
    Change("2020-01-01", "stamp_buy_ppb", (DELIVERY,), _percent(0.01), _STAMP_STATES),
    Change("2020-01-01", "stamp_buy_ppb", (INTRADAY, FUTURES, OPTIONS), _percent(0.002), _STAMP_STATES),
    Change("2020-01-01", "stamp_sell_ppb", (DELIVERY,), _percent(0.01), _STAMP_STATES),
    Change("2020-01-01", "stamp_sell_ppb", (INTRADAY, FUTURES, OPTIONS), _percent(0.002), _STAMP_STATES),
    Change("2020-07-01", "stamp_buy_ppb", (DELIVERY,), _percent(0.015), _STAMP_2020),
    Change("2020-07-01", "stamp_buy_ppb", (INTRADAY, OPTIONS), _percent(0.003), _STAMP_2020),
    Change("2020-07-01", "stamp_sell_ppb", ALL, 0, _STAMP_2020),
    # GST on brokerage and NSE's charge throughout, on the rest as flagged.
    Change("2020-01-01", "gst_ppb", ALL, _percent(18), _ZERODHA_2020),
    Change("2022-07-18", "gst_on_sebi", ALL, 1, _GST_SEBI),
    Change("2026-03-01", "gst_on_ipft", ALL, 1, _NSE_2026),
    # 13.50, later 13 rupees, and 18 % GST.
    Change("2020-01-01", "dp_e4", (DELIVERY,), _rupees(15.93), _ZERODHA_DP),
    Change("2024-10-01", "dp_e4", (DELIVERY,), _rupees(15.34), _ZERODHA_DP),
)
"""Every change of every rate, by column and then by date; what no change names is 0."""

FIRST_RATE_DATE = min(change.date for change in CHANGES)
"""The first IST trade date whose rates are known; earlier trades are charged as on that date."""


def flat_rates(fraction: float) -> Records:
    """Return a RATE table that charges `fraction` of every fill's value, as brokerage, and nothing else."""
    table = np.zeros(CLASSES, RATE)
    table["trade_class"] = np.arange(CLASSES)
    table["brokerage_ppb"] = round(fraction * 10**9)
    table["brokerage_e4_max"] = np.iinfo(np.int64).max
    return table


def rates() -> Records:
    """Return the RATE table: for each date on which anything changed, in order, a block of one row per class of trade.

    The row of a class in the block that begins at `row` is `row + trade_class`; charges.py finds the block.
    """
    dates = sorted({change.date for change in CHANGES})
    table = np.zeros((len(dates), CLASSES), RATE)
    table["from_ns"] = np.array([dates], "datetime64[ns]").T.astype(np.int64) - IST_OFFSET_NS
    table["trade_class"] = np.arange(CLASSES)
    for change in sorted(CHANGES, key=lambda change: change.date):
        table[change.column][dates.index(change.date) :, change.classes] = change.value
    return table.reshape(-1)
