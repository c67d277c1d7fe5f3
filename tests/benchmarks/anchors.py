"""The anchors: for each task the simplest honest loop that a good programmer would write by hand for it alone.

Exact integers of E4 like the chain, but one strategy, one position rule, one rate for all charges, no order, no risk
limit, no guard and no record of anything. What the chain costs beyond this is the price of its generality.
"""

import numba
import numpy as np

_COMMON = {"nogil": True, "error_model": "numpy", "cache": True}


@numba.njit(**_COMMON)
def crossover(opens, closes, fast, slow, capital_e4):
    """Hold a hundredth of the capital while the fast average is above the slow one, in and out at the next open.

    Return the wealth at the end and the number of trades.
    """
    fast_sum, slow_sum, cash_e4, quantity, trades = 0, 0, capital_e4, 0, 0
    wanted, held = False, False
    for i in range(len(closes)):
        if wanted != held:
            moved = capital_e4 // 100 // opens[i] if wanted else -quantity
            value_e4 = moved * opens[i]
            cash_e4 -= value_e4 + abs(value_e4) // 1_000
            quantity += moved
            held = wanted
            trades += 1
        fast_sum += closes[i]
        slow_sum += closes[i]
        if i >= fast:
            fast_sum -= closes[i - fast]
        if i >= slow:
            slow_sum -= closes[i - slow]
        if i >= slow - 1 and fast_sum * slow != slow_sum * fast:
            wanted = fast_sum * slow > slow_sum * fast
    return cash_e4 + quantity * closes[-1], trades


@numba.njit(**_COMMON)
def crossovers(opens, closes, pairs, capital_e4):
    """Return the wealth at the end of `crossover` for each (fast, slow)."""
    wealth_e4 = np.zeros(len(pairs), np.int64)
    for row in range(len(pairs)):
        wealth_e4[row], _ = crossover(opens, closes, pairs[row, 0], pairs[row, 1], capital_e4)
    return wealth_e4


@numba.njit(**_COMMON)
def ranking(opens, closes, lookback, rebalance, top, capital_e4):
    """Hold the `top` instruments by return, a like sum each, changed at the next open every `rebalance` days.

    `opens` and `closes` are (days, instruments). Return the wealth of each day, and how often a position changed.
    """
    days, instruments = closes.shape
    quantities, wanted = np.zeros(instruments, np.int64), np.zeros(instruments, np.bool_)
    wealth_e4, returns = np.zeros(days, np.int64), np.zeros(instruments)
    cash_e4, changes, changing = capital_e4, 0, False
    for day in range(days):
        if changing:
            share_e4 = wealth_e4[day - 1] // top
            for k in range(instruments):
                quantity = quantities[k]
                if wanted[k] and quantity == 0:
                    quantity = share_e4 // opens[day, k]
                elif not wanted[k]:
                    quantity = 0
                value_e4 = (quantity - quantities[k]) * opens[day, k]
                cash_e4 -= value_e4 + abs(value_e4) // 1_000
                changes += quantity != quantities[k]
                quantities[k] = quantity
        wealth = cash_e4
        for k in range(instruments):
            wealth += quantities[k] * closes[day, k]
        wealth_e4[day] = wealth
        changing = day >= lookback and day % rebalance == 0
        if changing:
            for k in range(instruments):
                returns[k] = closes[day, k] / closes[day - lookback, k]
            wanted[:] = False
            wanted[np.argsort(returns)[instruments - top :]] = True
    return wealth_e4, changes


@numba.njit(**_COMMON)
def momentum_on_ticks(times_ns, instrument, prices_e4, instruments, lookback, threshold, capital_e4):
    """Make minutes from ticks and follow their return over `lookback` of them, long and short; return cash and trades.

    Orders are filled at the instrument's next tick. Clocks have the price 0.
    """
    closes = np.zeros((instruments, lookback + 1), np.int64)
    minutes, counts = np.zeros(instruments, np.int64), np.zeros(instruments, np.int64)
    latest_e4, quantities = np.zeros(instruments, np.int64), np.zeros(instruments, np.int64)
    wanted = np.zeros(instruments, np.int64)
    cash_e4, trades = capital_e4, 0
    for i in range(len(times_ns)):
        if prices_e4[i] == 0:
            continue
        k, minute = instrument[i], times_ns[i] // 60_000_000_000
        target = wanted[k] * (capital_e4 // 10 // prices_e4[i])
        if (wanted[k] != 0) != (quantities[k] != 0) or wanted[k] * quantities[k] < 0:
            value_e4 = (target - quantities[k]) * prices_e4[i]
            cash_e4 -= value_e4 + abs(value_e4) // 1_000
            quantities[k] = target
            trades += 1
        if minute != minutes[k] and latest_e4[k] > 0:
            place = counts[k] % (lookback + 1)
            closes[k, place] = latest_e4[k]
            counts[k] += 1
            if counts[k] > lookback:
                change = latest_e4[k] / closes[k, counts[k] % (lookback + 1)] - 1.0
                if abs(change) > threshold:
                    wanted[k] = 1 if change > 0.0 else -1
                elif wanted[k] * change <= 0.0:
                    wanted[k] = 0
        minutes[k], latest_e4[k] = minute, prices_e4[i]
    for k in range(instruments):
        cash_e4 += quantities[k] * latest_e4[k]
    return cash_e4, trades
