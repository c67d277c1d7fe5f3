"""How figures stand in tables and sheets: text in its tone, and what it is sorted by."""

from alpha_panda.apps.dashboard import shown
from alpha_panda.apps.dashboard.tables import Cell
from alpha_panda.live.messages import Guard, Side


def money(amount_e4: int | None, signed: bool = False, quiet: bool = False) -> Cell:
    """Return an amount; a signed one is coloured as a gain or a loss, a quiet one is a figure beside others."""
    tone = shown.sense(amount_e4) if signed else "muted" if quiet else ""
    return Cell(shown.rupees(amount_e4, signed), tone, amount_e4)


def price(price_e4: int | None) -> Cell:
    """Return a price."""
    return Cell(shown.price(price_e4), "", price_e4)


def limit_price(price_e4: int) -> Cell:
    """Return the price that an order asks for; 0 asks for none."""
    return price(price_e4) if price_e4 else Cell(shown.NOT_REPORTED, "muted", 0)


def count(number: int | None, signed: bool = False) -> Cell:
    """Return a whole number."""
    return Cell(shown.count(number, signed), "", number)


def quantity(number: int) -> Cell:
    """Return a position: long and short have their colours besides the sign, and nothing is muted."""
    return Cell(shown.count(number), "buy" if number > 0 else "sell" if number else "muted", number)


def side(side: Side) -> Cell:
    """Return a side in its colour."""
    return Cell(side, side.lower())


def clock(time_ns: int) -> Cell:
    """Return a time of day, with its date as a hint."""
    # Microseconds: a browser's numbers are exact only so far.
    return Cell(shown.clock(time_ns), "muted", time_ns // 1_000, shown.day_and_clock(time_ns))


def guard(guard: Guard) -> Cell:
    """Return what in the account asked for an order, empty where a strategy did."""
    return Cell("" if guard == "none" else shown.words(guard), "warn")
