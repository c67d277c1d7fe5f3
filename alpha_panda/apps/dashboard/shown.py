"""How figures are written on the screens: rupees as in India, times in IST, a dash where nothing was reported."""

from alpha_panda.units import E4, SECOND_NS, format_rupees, group_indian, ist_datetime

NOT_REPORTED = "–"


def rupees(amount_e4: int | None, signed: bool = False) -> str:
    """Return an amount to the paisa, `₹25,16,980.94`."""
    return NOT_REPORTED if amount_e4 is None else format_rupees(amount_e4, signed)


def price(price_e4: int | None) -> str:
    """Return a price without its unit, with two decimals, or four where it has them."""
    if price_e4 is None:
        return NOT_REPORTED
    if price_e4 % 100 == 0:
        return format_rupees(price_e4).replace("₹", "")
    whole, part = divmod(abs(price_e4), E4)
    return f"{'−' if price_e4 < 0 else ''}{group_indian(whole)}.{part:04d}"


def count(number: int | None, signed: bool = False) -> str:
    """Return a whole number grouped as in India; a short position's is negative."""
    if number is None:
        return NOT_REPORTED
    sign = "−" if number < 0 else "+" if signed and number else ""
    return sign + group_indian(abs(number))


def ratio(fraction: float | None, decimals: int = 1) -> str:
    """Return a fraction in per cent."""
    if fraction is None:
        return NOT_REPORTED
    text = f"{abs(fraction) * 100:.{decimals}f}"
    return f"{'−' if fraction < 0 and float(text) else ''}{text} %"


def clock(time_ns: int) -> str:
    """Return the time of day in India, `14:05:09`; a dash for no instant."""
    return ist_datetime(time_ns).strftime("%H:%M:%S") if time_ns else NOT_REPORTED


def day_and_clock(time_ns: int) -> str:
    """Return day and time in India, `Sat 21 Nov 14:05:09`; a dash for no instant."""
    return ist_datetime(time_ns).strftime("%a %-d %b %H:%M:%S") if time_ns else NOT_REPORTED


def age(age_ns: int) -> str:
    """Return how long ago something was, in the unit that says it best."""
    seconds = max(age_ns, 0) / SECOND_NS
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def sense(amount: float | None) -> str:
    """Return the class that colours a gain or a loss: `up`, `down`, or neither."""
    return "" if not amount else "up" if amount > 0 else "down"


def words(name: str) -> str:
    """Return the name of a rule or state as people read it."""
    return name.replace("_", " ")


def target(exposure: float) -> str:
    """Return a strategy's target, from −1 for wholly short to +1 for wholly long, always with its sign."""
    return f"{'−' if exposure < 0 else '+' if exposure > 0 else ''}{abs(exposure):.2f}"
