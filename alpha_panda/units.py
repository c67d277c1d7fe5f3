"""Money, time and their human forms: the one module in which rupees meet E4 and IST meets nanoseconds."""

import datetime
import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from alpha_panda.errors import DataError, MoneyOverflowError

E4 = 10_000
"""E4 units in one rupee: money is int64 in 1/10,000 rupee."""

PRICE_E4_MAX = 10**11
"""The highest price taken from outside, one crore rupees; it keeps price times quantity inside int64."""

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
IST_OFFSET_NS = 5 * HOUR_NS + 30 * MINUTE_NS

IST = datetime.timezone(datetime.timedelta(hours=5, minutes=30), "IST")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def to_e4(rupees: float | str | Decimal) -> int:
    """Return `rupees` as E4, rounded half up at the fourth decimal.

    Raises DataError for what is not a finite number and MoneyOverflowError beyond the exact range.
    """
    try:
        amount = Decimal(str(rupees))
    except InvalidOperation:
        raise DataError(f"{rupees!r} is not an amount in rupees: give a number such as 1234.5") from None
    if not amount.is_finite():
        raise DataError(f"{rupees!r} is not a finite amount in rupees")
    scaled = int((amount * E4).to_integral_value(ROUND_HALF_UP))
    if abs(scaled) >= 2**63:
        raise MoneyOverflowError(f"{rupees!r} rupees do not fit 64 bits at four decimals")
    return scaled


def to_rupees(amount_e4: int) -> float:
    """Return an E4 amount as rupees, for people; never feed the result back into arithmetic on money."""
    return int(amount_e4) / E4


def format_rupees(amount_e4: int, signed: bool = False) -> str:
    """Return an E4 amount as people in India write it, `₹25,16,980.94`; `signed` shows a plus as well."""
    paise = (abs(int(amount_e4)) + 50) // 100
    sign = "−" if amount_e4 < 0 and paise else ("+" if signed and paise else "")
    return f"{sign}₹{group_indian(paise // 100)}.{paise % 100:02d}"


def group_indian(rupees: int) -> str:
    """Return digits grouped as last three, then twos: 2516980 becomes 25,16,980."""
    digits = str(rupees)
    head, tail = digits[:-3], digits[-3:]
    pairs: list[str] = []
    while head:
        pairs.insert(0, head[-2:])
        head = head[:-2]
    return ",".join([*pairs, tail])


_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)


def parse_clock(text: str) -> int:
    """Return a time of day written `HH:MM` or `HH:MM:SS` as nanoseconds since midnight; DataError if it is neither."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise DataError(f"{text!r} is not a time of day: write it as HH:MM")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * SECOND_NS


_INTERVAL_UNITS_NS = {"s": SECOND_NS, "m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS}


def parse_interval(text: str) -> int:
    """Return a bar interval such as `30s`, `1m`, `1h` or `1d` in nanoseconds; DataError if it is not one."""
    unit_ns = _INTERVAL_UNITS_NS.get(text[-1:])
    if unit_ns is None or not text[:-1].isdecimal() or int(text[:-1]) == 0:
        raise DataError(f"{text!r} is not a bar interval: write it as 30s, 1m, 15m, 1h or 1d")
    if unit_ns == DAY_NS and text != "1d":
        raise DataError(f"{text!r} is not a bar interval: the longest bar is one session, 1d")
    return int(text[:-1]) * unit_ns


def to_time_ns(moment: datetime.datetime) -> int:
    """Return an aware datetime as nanoseconds UTC; DataError for a naive one, whose zone nobody can know."""
    if moment.tzinfo is None:
        raise DataError(f"{moment.isoformat()} has no time zone: say which, for instance +05:30")
    elapsed = moment - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * SECOND_NS + elapsed.microseconds * 1_000


def ist_time_ns(date: datetime.date, clock_ns: int = 0) -> int:
    """Return the instant that is `clock_ns` after IST midnight of `date`, in nanoseconds UTC."""
    midnight = datetime.datetime.combine(date, datetime.time(), IST)
    return to_time_ns(midnight) + clock_ns


def ist_datetime(time_ns: int) -> datetime.datetime:
    """Return an instant as an IST datetime, truncated to microseconds, for screens."""
    return (_EPOCH + datetime.timedelta(microseconds=int(time_ns) // 1_000)).astimezone(IST)


def ist_date(time_ns: int) -> datetime.date:
    """Return the IST calendar date of an instant."""
    return ist_datetime(time_ns).date()
