"""What the overview shows of a picture, in words: first figures, limits, positions, and why there are none."""

from collections.abc import Iterator
from typing import Any

from alpha_panda.apps.dashboard import shown
from alpha_panda.apps.dashboard.tables import Cell, Row
from alpha_panda.apps.desk.models import Account, Limit, Picture, Position
from alpha_panda.units import ist_datetime

_NEAR, _REACHED = 0.8, 1.0  # of a limit


def figures(picture: Picture) -> list[dict[str, str]]:
    """Return the figures that a trader looks at first, as the account said them; dashes before it said any."""
    account = picture.account
    if account is None:
        names = ("Day P&L", "Equity", "Realised", "Unrealised", "Exposure", "Open orders")
        return [_figure(name, shown.NOT_REPORTED, "not reported yet") for name in names]
    return list(_figures(account))


def _figures(account: Account) -> Iterator[dict[str, str]]:
    yield _figure(
        "Day P&L",
        shown.rupees(account.day_pnl_e4, signed=True),
        f"net · charges {shown.rupees(account.charges_e4)}",
        shown.sense(account.day_pnl_e4),
        "What the equity has gained since the day began, after all charges; the charges are the session's",
    )
    yield _figure(
        "Equity", shown.rupees(account.equity_e4), f"cash {shown.rupees(account.cash_e4)}", title="Cash and positions"
    )
    yield _figure(
        "Realised",
        shown.rupees(account.realised_e4, signed=True),
        f"this session, gross · {shown.count(account.fills)} fills",
        shown.sense(account.realised_e4),
    )
    yield _figure(
        "Unrealised",
        shown.rupees(account.unrealised_e4, signed=True),
        f"{shown.count(account.positions)} open positions",
        shown.sense(account.unrealised_e4),
    )
    share = shown.ratio(account.gross_e4 / account.equity_e4 if account.equity_e4 > 0 else None)
    title = "Long and short alike, at the latest prices"
    yield _figure("Exposure", shown.rupees(account.gross_e4), f"{share} of the equity", title=title)
    made = f"{shown.count(account.orders_made)} made · {shown.count(account.refused)} refused"
    yield _figure("Open orders", shown.count(account.orders_working), made)


def _figure(name: str, value: str, below: str, sense: str = "", title: str = "") -> dict[str, str]:
    return {"name": name, "value": value, "below": below, "sense": sense, "title": title}


def limit_row(limit: Limit) -> dict[str, Any]:
    """Return how a limit is drawn: how much of it is used, in words and as a share of its bar."""
    off = limit.allowed == 0
    share = 0.0 if off else limit.used / limit.allowed
    tone = "off" if off else "over" if share >= _REACHED else "near" if share >= _NEAR else ""
    text = "off" if off else f"{_measured(limit, limit.used)} of {_measured(limit, limit.allowed)}"
    return {
        "name": LIMITS[limit.name],
        "text": text,
        "share": round(share, 3),
        "used": limit.used,
        "allowed": limit.allowed,
        "tone": tone,
        "action": f"At the limit: {limit.action}",
    }


def _measured(limit: Limit, figure: float) -> str:
    return shown.ratio(figure) if limit.is_ratio else shown.count(round(figure))


LIMITS = {
    "day_loss_reduce": "Day loss, reduce only",
    "day_loss_halt": "Day loss, halt",
    "drawdown_halt": "Drawdown, halt",
    "gross_fraction": "Exposure",
    "positions": "Positions",
    "open_orders": "Open orders",
}
"""The limits of the account as people call them."""


def position_row(position: Position) -> Row:
    """Return an open position as a row of a table."""
    unrealised = Cell(
        shown.rupees(position.unrealised_e4, signed=True),
        shown.sense(position.unrealised_e4),
        sort=position.unrealised_e4,
    )
    return {
        "key": f"{position.strategy}|{position.symbol}",
        "symbol": position.symbol,
        "product": position.product,
        "quantity": Cell(shown.count(position.quantity), sort=position.quantity),
        "average": Cell(shown.price(position.average_e4), sort=position.average_e4),
        "last": Cell(shown.price(position.last_e4), sort=position.last_e4),
        "unrealised": unrealised,
        "strategy": position.strategy,
    }


def portfolio_age(picture: Picture) -> str:
    """Return until when what the portfolio store shows is so, beside what is of it; nothing where it is well."""
    old = [source for source in picture.sources if source.name == "store" and not source.well]
    if not old or picture.account is None:
        return ""
    return f"as they were at {shown.clock(old[0].market_ns)} in the market" if old[0].market_ns else "perhaps old"


def why_flat(picture: Picture) -> str:
    """Return why no position is open, in a sentence."""
    if picture.session is None:
        return "No session has begun. Start one with make live."
    running = sum(strategy.state == "running" for strategy in picture.strategies)
    waiting = f"{running} of {len(picture.strategies)} strategies running"
    is_open = picture.feed.market_open if picture.feed is not None else None
    market = {True: "the market is open", False: "the market is closed", None: "the market's hours are unknown"}[
        is_open
    ]
    return f"No open positions: {waiting}, {market}."


def curve_note(picture: Picture) -> str:
    """Return of which day the curve is."""
    if not picture.curve:
        return "the account has reported nothing of this day yet"
    last_ns = picture.curve[-1].time_ns
    return f"{ist_datetime(last_ns).strftime('%a %-d %b %Y')} · until {shown.clock(last_ns)} in the market"
