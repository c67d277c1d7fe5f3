"""What vectorbt makes of a formula-made market, recorded beside this file: run it by hand where vectorbt is installed.

    python tests/golden/make_vectorbt.py

Prices come from a small generator of integers and are whole tenths of a rupee, so that slippage of a thousandth falls
on 1/10,000 rupee. A signal is moved by one bar and filled at the open, its size is counted at the close before: that
is how an order made at a bar's close meets the next bar.
"""

import datetime
import pathlib
import sys

import numpy as np
import pandas as pd
import vectorbt as vbt

HERE = pathlib.Path(__file__).parent
DAYS = [datetime.date(2024, 7, day) for day in (8, 9, 10, 11, 12)]
BARS_A_DAY = 75
SYMBOLS = {"NSE:STEADY": 4_000, "NSE:GAPPY": 9_000, "NSE:CHEAP": 800}  # first price in tenths of a rupee
PERIOD = 25  # bars between two portfolios
PORTFOLIOS = ((0.3, 0.2, 0.0), (0.0, 0.35, 0.25), (0.4, 0.0, 0.4), (0.0, 0.3, 0.0), (0.25, 0.5, 0.1), (0.0, 0.0, 0.0))
INIT_CASH = 1_000_000.0


def noise(seed: int, count: int, span: int) -> np.ndarray:
    """Return integers from -span to span, by the congruential generator of the C standard's example."""
    state, made = seed, []
    for _ in range(count):
        state = (1_103_515_245 * state + 12_345) % 2**31
        made.append((state >> 16) % (2 * span + 1) - span)
    return np.array(made)


def times() -> pd.DatetimeIndex:
    """Return when each bar closes, in IST."""
    opens = [datetime.datetime.combine(day, datetime.time(9, 15)) for day in DAYS]
    steps = range(1, BARS_A_DAY + 1)
    return pd.DatetimeIndex([begins + datetime.timedelta(minutes=5 * k) for begins in opens for k in steps])


def bars_of(symbol: str, seed: int) -> pd.DataFrame:
    """Return the bars of one instrument, and what its rows say."""
    count = len(DAYS) * BARS_A_DAY
    wave = np.abs(np.arange(count) % 60 - 30) // 3  # up and down, so that trends exist
    close = SYMBOLS[symbol] + np.cumsum(noise(seed, count, 6)) + wave * 4
    gap = noise(seed + 1, count, 5) if symbol != "NSE:STEADY" else np.zeros(count, np.int64)
    opens = np.concatenate([[SYMBOLS[symbol]], close[:-1]]) + gap
    frame = pd.DataFrame({"open": opens, "close": close}, index=times())
    frame["high"] = frame[["open", "close"]].max(axis=1) + np.abs(noise(seed + 2, count, 4))
    frame["low"] = frame[["open", "close"]].min(axis=1) - np.abs(noise(seed + 3, count, 4))
    frame /= 10
    moved = close - np.concatenate([np.full(8, close[0]), close[:-8]])
    # Now and then a row says both, which means neither.
    frame["up"] = (moved > 5) | (np.arange(count) % 90 == 45)
    frame["down"] = (moved < -5) | (np.arange(count) % 90 == 45)
    rows = np.arange(count)
    chosen = np.array(PORTFOLIOS)[rows // PERIOD % len(PORTFOLIOS), list(SYMBOLS).index(symbol)]
    frame["weight"] = np.where(rows % PERIOD == 7, chosen, np.nan)
    return frame


def wide(frames: dict[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Return one column of every instrument, side by side."""
    return pd.DataFrame({symbol: frame[column] for symbol, frame in frames.items()})


def moved(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table one bar later, when its orders fill."""
    return table.shift(1, fill_value=False) if table.dtypes.iloc[0].kind == "b" else table.shift(1)


def portfolios(frames: dict[str, pd.DataFrame]) -> dict[str, vbt.Portfolio]:
    """Return every scenario by its name."""
    steady = {"NSE:STEADY": frames["NSE:STEADY"]}
    costs = {"fees": 0.001, "slippage": 0.001}

    def asked(of: dict[str, pd.DataFrame], **terms: object) -> dict[str, object]:
        together = {
            "init_cash": INIT_CASH,
            "cash_sharing": True,
            "group_by": True,
            "size_granularity": 1,
            "freq": "5min",
        }
        return {"price": wide(of, "open"), "val_price": moved(wide(of, "close")), **together, **terms}

    def signals(of: dict[str, pd.DataFrame], direction: str, **terms: object) -> vbt.Portfolio:
        up, down = moved(wide(of, "up")), moved(wide(of, "down"))
        return vbt.Portfolio.from_signals(wide(of, "close"), up, down, direction=direction, **asked(of, **terms))

    weights = moved(wide(frames, "weight"))
    return {
        "amount": signals(frames, "longonly", size=120, size_type="amount", **costs),
        "value": signals(frames, "longonly", size=75_000, size_type="value", **costs),
        "percent": signals(steady, "longonly", size=0.6, size_type="percent"),
        "amount, both sides": signals(frames, "both", size=120, size_type="amount", **costs),
        "value, both sides": signals(frames, "both", size=75_000, size_type="value", **costs),
        "weights": vbt.Portfolio.from_orders(
            wide(frames, "close"), **asked(frames, size=weights, size_type="targetpercent", call_seq="auto", **costs)
        ),
    }


def trades_of(name: str, portfolio: vbt.Portfolio) -> pd.DataFrame:
    """Return the closed trades of a scenario in the words of Alpha Panda."""
    rows = portfolio.trades.records_readable
    rows = rows[rows["Status"] == "Closed"]
    return pd.DataFrame(
        {
            "scenario": name,
            "symbol": rows["Column"],
            "side": rows["Direction"].str.lower(),
            "quantity": rows["Size"].astype(int),
            "entry_time": rows["Entry Timestamp"],
            "exit_time": rows["Exit Timestamp"],
            "entry_price": rows["Avg Entry Price"],
            "exit_price": rows["Avg Exit Price"],
            "entry_fees": rows["Entry Fees"],
            "gross": rows["PnL"] + rows["Entry Fees"] + rows["Exit Fees"],
            "net": rows["PnL"],
        }
    ).sort_values(["exit_time", "symbol"], kind="stable")


def write(name: str, table: pd.DataFrame, digits: int) -> None:
    """Write a table under a line that says what made it."""
    made_by = f"vectorbt {vbt.__version__}, numpy {np.__version__}, pandas {pd.__version__}, Python {sys.version}"
    with (HERE / f"vectorbt_{name}.csv").open("w") as file:
        file.write(f"# {made_by.partition(' (')[0]}\n")
        table.to_csv(file, index=False, float_format=f"%.{digits}f", date_format="%Y-%m-%dT%H:%M:%S")


def main() -> None:
    """Record the market, the trades and the equity of every scenario."""
    frames = {symbol: bars_of(symbol, seed) for seed, symbol in zip((11, 22, 33), SYMBOLS, strict=True)}
    market = pd.concat(
        [frame.rename_axis("time").reset_index().assign(symbol=symbol) for symbol, frame in frames.items()]
    )
    made = portfolios(frames)
    equity = [
        portfolio.value().rename("equity").rename_axis("time").reset_index().assign(scenario=name)
        for name, portfolio in made.items()
    ]
    write("market", market, 2)
    write("trades", pd.concat([trades_of(name, portfolio) for name, portfolio in made.items()]), 6)
    write("equity", pd.concat(equity), 6)


if __name__ == "__main__":
    main()
