"""Walk forward: choose on the past, trade the days that follow, and weigh what is left against luck."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Walk-forward and overfitting")

with app.setup:
    import marimo as mo
    import polars as pl

    import alpha_panda as ap
    from alpha_panda.apps import charts
    from alpha_panda.backtest.stats.text import row
    from alpha_panda.backtest.validate.overfitting import pbo
    from alpha_panda.backtest.validate.resampling import bootstrap
    from alpha_panda.backtest.validate.returns import daily_returns_of
    from alpha_panda.backtest.validate.walk_forward import walk_forward
    from alpha_panda.config import NO_LIMITS
    from alpha_panda.data.sample import catalog_or_sample
    from alpha_panda.workspace import own_or_shipped


@app.cell
def _():
    catalog, origin = catalog_or_sample("data")
    mo.md(f"# What is left on days that nobody had seen?\n\n{origin}")
    return (catalog,)


@app.cell
def _(catalog):
    symbols = catalog.tradable("1d")
    symbol_choice = mo.ui.multiselect(symbols, value=symbols[:3], label="instruments")
    train = mo.ui.slider(60, 500, 20, value=260, label="training days", debounce=True, show_value=True)
    test = mo.ui.slider(20, 250, 10, value=60, label="test days", debounce=True, show_value=True)
    anchored = mo.ui.checkbox(label="train on everything before")
    mo.vstack([mo.hstack([train, test, anchored], justify="start", gap=2), symbol_choice])
    return anchored, symbol_choice, test, train


@app.cell
def _(catalog, symbol_choice):
    mo.stop(not symbol_choice.value, mo.md("Choose an instrument."))
    terms = {
        "name": "ema_cross",
        "strategy": "ema_cross",
        "instruments": symbol_choice.value,
        "interval": "1d",
        "capital": 10_000_000,
        "product": "CNC",
        "size": {"mode": "fraction", "value": 1 / len(symbol_choice.value), "compounding": True},
    }
    question = {
        "account": {"capital": 10_000_000},
        "strategies": [terms],
        "market": {"equity_every": "1d"},
        "risk": NO_LIMITS,
    }
    asked = {
        "grid": {"fast": [3, 6, 9, 12, 18, 24], "slow": [15, 30, 45, 60, 90, 120]},
        "where": pl.col("fast") < pl.col("slow"),
        "data": catalog,
        "resolution": "1d",
        "strategies": {"ema_cross": ap.load_strategy("ema_cross", [own_or_shipped("strategies")])},
    }
    return asked, question


@app.cell
def _(anchored, asked, question, test, train):
    walked = walk_forward(question, train=train.value, test=test.value, anchored=anchored.value, **asked)
    return (walked,)


@app.cell
def _(walked):
    headline = ("Return [%]", "CAGR [%]", "Sharpe Ratio", "Max. Drawdown [%]", "# Trades", "Deflated Sharpe [%]")
    rows = [row(label, walked.stats[label]) for label in headline]
    stats = [mo.stat(value, label=name, bordered=True) for name, value in rows]
    mo.vstack(
        [
            mo.hstack(stats, widths="equal", gap=1),
            charts.walk_forward_equity(walked.equity, walked.windows),
            mo.md("## What was chosen, and what is left of it"),
            mo.ui.table(walked.windows.with_columns(pl.col(pl.Float64).round(3)), selection=None, page_size=8),
            mo.ui.table(walked.degradation.with_columns(pl.col(pl.Float64).round(3)), selection=None),
        ]
    )
    return


@app.cell
def _(asked, question):
    overfitting = pbo(daily_returns_of(question, **asked).returns, blocks=12)
    mo.md(
        f"## How likely is the best a child of chance?\n\n"
        f"Over all ways to choose on one half of the days and to judge on the other, the best of the grid ends at or "
        f"below the median in **{overfitting.probability:.0%}** of them, and loses money in "
        f"**{overfitting.probability_of_loss:.0%}**. At 50 % the choice is worth nothing."
    )
    return (overfitting,)


@app.cell
def _(walked):
    paths = mo.ui.slider(200, 5_000, 200, value=1_000, label="histories", debounce=True, show_value=True)
    seed = mo.ui.slider(0, 50, value=0, label="seed", debounce=True, show_value=True)
    mo.stop(len(walked.daily) < 2)
    mo.vstack([mo.md("## What else could have happened?"), mo.hstack([paths, seed], justify="start", gap=2)])
    return paths, seed


@app.cell
def _(paths, seed, walked):
    drawn = bootstrap(walked.daily["return"].to_numpy(), paths=paths.value, seed=seed.value)
    bands = drawn.bands.with_columns(pl.col(pl.Float64).round(3))
    mo.vstack([charts.monte_carlo_fan(drawn.fan), mo.ui.table(bands, selection=None)])
    return


@app.cell
def _(overfitting, walked):
    def test_no_window_is_tested_on_days_it_was_trained_on():
        assert (walked.windows["train_to"] < walked.windows["test_from"]).all()

    def test_the_probability_is_one():
        assert 0.0 <= overfitting.probability <= 1.0

    return


if __name__ == "__main__":
    app.run()
