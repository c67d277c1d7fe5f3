"""Compare a paper session with its backtest: the same orders, proven at three levels."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Paper against backtest")

with app.setup:
    import os
    import pathlib
    import subprocess
    import sys
    import tempfile
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor
    from typing import Any

    import marimo as mo
    import polars as pl

    import alpha_panda as ap
    from alpha_panda.apps import charts
    from alpha_panda.live.past.history import session_history
    from alpha_panda.live.past.verify import verify
    from alpha_panda.workspace import own_or_shipped


@app.function
def trade_on_paper(profile: pathlib.Path, state: pathlib.Path) -> None:
    """Trade the synthetic day of `profile` as fast as it goes, in a process of its own, and keep the session."""
    os.environ.setdefault("ALPHA_PANDA_TRIALS", "off")  # what is replayed here is no new try at anything
    options = ["--feed", "synthetic", "--speed", "max", "--state", str(state), "--json"]
    # The session looks for its strategies in the folder in which it is started.
    home = profile.parent.parent
    subprocess.run(
        [sys.executable, "-m", "alpha_panda.live", str(profile), *options], check=True, stdout=subprocess.PIPE, cwd=home
    )


@app.function
def apart(read: Callable[..., Any], state: pathlib.Path) -> Any:
    """Return what reading a session gives, in a thread of its own: that of a cell has an event loop already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(read, state, [own_or_shipped("strategies")]).result()


@app.cell
def _():
    mo.md("""
    # Did the paper session do what a backtest says?

    A session is traded on paper, through log, journal and portfolio. Then its own recorded ticks are backtested:
    every decision and every fill must agree, to the last digit.
    """)
    return


@app.cell
def _():
    sessions = sorted(pathlib.Path("live/state").glob("*/")) if pathlib.Path("live/state").is_dir() else []
    session_choice = mo.ui.dropdown(
        {"a new synthetic day": "", **{path.name: str(path) for path in sessions}},
        value="a new synthetic day",
        label="session",
    )
    session_choice
    return (session_choice,)


@app.cell
def _(session_choice):
    profile_path = own_or_shipped("live").resolve() / "paper.toml"
    if session_choice.value:
        state = pathlib.Path(session_choice.value)
    else:
        state = pathlib.Path(tempfile.mkdtemp(prefix="alpha-panda-session-"))
        trade_on_paper(profile_path, state)
    history = apart(session_history, state)
    return history, state


@app.cell
def _(state):
    report = apart(verify, state)
    verdicts = [{"level": level.name, "same": level.holds, "compared": level.compared} for level in report.levels]
    mo.vstack([mo.md("## Three levels of parity"), mo.ui.table(verdicts, selection=None)])
    return (report,)


@app.cell
def _(history):
    strategies = {
        terms.strategy: ap.load_strategy(terms.strategy, [own_or_shipped("strategies")])
        for terms in history.profile.strategies
    }
    replayed = ap.run(history.profile, events=history.events, universe=history.universe, strategies=strategies)
    return replayed, strategies


@app.cell
def _(history, replayed):
    compared = ["time", "strategy", "symbol", "side", "quantity", "price", "charges", "position"]
    backtest_fills = replayed.fills.select(compared).cast({"side": pl.String})
    same_fills = history.fills.select(compared).equals(backtest_fills)
    mo.md(
        f"## Fill by fill\n\n{len(history.fills)} fills on paper, {len(replayed.fills)} in the backtest: "
        f"**{'the same, to the last digit' if same_fills else 'they differ'}**. Ledger `{replayed.ledger_hash[:16]}`."
    )
    return backtest_fills, compared, same_fills


@app.cell
def _(replayed):
    charges_table = mo.ui.table(replayed.charges, selection=None)
    mo.vstack([charts.equity(replayed.equity), charges_table])
    return


@app.cell
def _(history, replayed):
    symbols = history.universe.symbols
    traded = [symbol for symbol in symbols if symbol in set(replayed.fills["symbol"])]
    symbol_choice = mo.ui.dropdown(symbols, value=traded[0] if traded else symbols[0], label="instrument")
    symbol_choice
    return (symbol_choice,)


@app.cell
def _(replayed, symbol_choice):
    own_fills = replayed.fills.filter(pl.col("symbol") == symbol_choice.value)
    charts.candles(replayed.bars(symbol_choice.value, "1m"), own_fills, title=symbol_choice.value)
    return


@app.cell
def _(report, same_fills):
    def test_paper_and_backtest_agree():
        assert same_fills
        assert report.holds

    return


if __name__ == "__main__":
    app.run()
