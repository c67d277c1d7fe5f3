"""What the account's stage reports of the account, once a second, for whoever shows it."""

from collections.abc import Iterator

import numpy as np

from alpha_panda.chain import AccountStage
from alpha_panda.live.payloads import Names

BOOKS_MOST = 500
"""Books that are reported of, unless more than these are open."""

_OF_ACCOUNT = (
    *("state", "halt_code", "positions", "orders_working", "orders_made"),
    *("cash_e4", "equity_e4", "gross_e4", "realised_e4", "unrealised_e4"),
    *("day_start_equity_e4", "day_base_e4", "drawdown_base_e4", "peak_e4"),
    *("approved", "refused", "fills", "signals", "events"),
)
_STOPPED = ("paused", "disabled")  # what a strategy may be: by a person, or after too many refusals


def account_figures(stage: AccountStage, names: Names) -> dict[str, float]:
    """Return what the account's stage reports of itself; amounts are exact up to 2^53 E4, ninety thousand crore.

    Of each book that is open, or has opened today, `quantity.{strategy}:{instrument_token}` and `unrealised_e4.…`, and
    of each instrument with such a book `last_e4.{instrument_token}`, the price at which the account values it, and
    `last_us.…`, when that was, in microseconds: nanoseconds would be rounded.

    `opening_e4` is what orders at work would open, at those prices, and `opening_positions` how many flat books have
    an order at work: the risk rules count both as if they were filled.
    """
    stopped = {
        f"{field}.{name}": 1.0
        for field in _STOPPED
        for name, sleeve in zip(names.strategies, stage.sleeves, strict=True)
        if sleeve[field] == 1
    }
    return {
        **{name: float(stage.account[name]) for name in _OF_ACCOUNT},
        "charges_e4": float(stage.account["charges"]["total_e4"]),
        **_of_orders(stage),
        **stopped,
        **dict(_of_books(stage, names)),
    }


def lost(base_e4: float, equity_e4: float) -> float:
    """Return what was lost of a base, as a fraction of it; nothing on a gain, or of nothing."""
    return max(0.0, (base_e4 - equity_e4) / base_e4) if base_e4 > 0 else 0.0


def _of_orders(stage: AccountStage) -> dict[str, float]:
    orders = stage.orders
    opening = orders[orders["opening"] == 1]
    opening_e4 = (opening["quantity"] - opening["filled"]) * stage.quotes["last_e4"][opening["instrument"]]
    flat = orders[stage.books["quantity"][orders["strategy"], orders["instrument"]] == 0]
    books = set(zip(flat["strategy"].tolist(), flat["instrument"].tolist(), strict=True))
    return {"opening_e4": float(opening_e4.sum()), "opening_positions": float(len(books))}


def _of_books(stage: AccountStage, names: Names) -> Iterator[tuple[str, float]]:
    books, last_e4 = stage.books, stage.quotes["last_e4"]
    opened_today = books["entry_time_ns"] >= max(int(stage.account["day_start_ns"]), 1)
    held, closed = np.argwhere(books["quantity"] != 0), np.argwhere((books["quantity"] == 0) & opened_today)
    shown = np.concatenate([held, closed[: max(BOOKS_MOST - len(held), 0)]])
    unrealised_e4 = books["quantity"] * last_e4 - books["cost_e4"]
    for strategy, instrument in shown.tolist():
        book = f"{names.strategies[strategy]}:{names.instrument_tokens[instrument]}"
        yield f"quantity.{book}", float(books["quantity"][strategy, instrument])
        yield f"unrealised_e4.{book}", float(unrealised_e4[strategy, instrument])
    for instrument in np.unique(shown[:, 1]).tolist():
        yield f"last_e4.{names.instrument_tokens[instrument]}", float(last_e4[instrument])
        yield f"last_us.{names.instrument_tokens[instrument]}", float(stage.quotes["time_ns"][instrument] // 1_000)
