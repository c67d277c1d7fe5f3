"""Sweep two parameters, see the plateau or the peak, and how much of the best is luck."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Sweep and heat map")

with app.setup:
    import marimo as mo
    import polars as pl

    import alpha_panda as ap
    from alpha_panda.apps import charts
    from alpha_panda.backtest.cache import cached_sweep
    from alpha_panda.backtest.significance import expected_maximum_sharpe
    from alpha_panda.config import NO_LIMITS
    from alpha_panda.data.sample import catalog_or_sample
    from alpha_panda.workspace import own_or_shipped


@app.function
def question(symbols: list[str], trailing_stop: float) -> dict:
    """Return a profile that lets averages cross on daily bars of some shares."""
    terms = {
        "name": "ema_cross",
        "strategy": "ema_cross",
        "instruments": symbols,
        "interval": "1d",
        "capital": 10_000_000,
        "product": "CNC",
        "size": {"mode": "fraction", "value": 1 / len(symbols), "compounding": True},
        "guards": {"trailing_stop": trailing_stop},
    }
    return {
        "account": {"capital": 10_000_000},
        "strategies": [terms],
        "market": {"equity_every": "1d"},
        "risk": NO_LIMITS,
    }


@app.function
def luck(swept: pl.DataFrame) -> str:
    """Return a sentence on what the best of so many would show if none of them had any merit."""
    known = swept["sharpe"].drop_nulls()
    if len(known) < 2:
        return "The sample is too short for a Sharpe ratio."
    expected = expected_maximum_sharpe(len(known), known.var())
    return f"The best Sharpe ratio is **{known.max():.2f}**; luck alone would show about **{expected:.2f}**."


@app.cell
def _():
    catalog, origin = catalog_or_sample("data")
    mo.md(f"# A plateau or a peak?\n\n{origin}")
    return (catalog,)


@app.cell
def _(catalog):
    symbols = catalog.tradable("1d")
    symbol_choice = mo.ui.multiselect(symbols, value=symbols[:3], label="instruments")
    trailing_stop = mo.ui.slider(0.0, 0.2, 0.02, value=0.0, label="trailing stop", debounce=True, show_value=True)
    fast = mo.ui.range_slider(1, 60, value=(4, 30), label="fast", debounce=True, show_value=True)
    slow = mo.ui.range_slider(10, 200, value=(20, 100), label="slow", debounce=True, show_value=True)
    step = mo.ui.slider(1, 10, value=4, label="step", debounce=True, show_value=True)
    by = mo.ui.dropdown(["sharpe", "total_return", "max_drawdown", "trades"], value="sharpe", label="figure")
    mo.vstack(
        [
            mo.hstack([trailing_stop, fast, slow, step], justify="start", gap=2),
            mo.hstack([symbol_choice, by], justify="start", gap=2),
        ]
    )
    return by, fast, slow, step, symbol_choice, trailing_stop


@app.cell
def _(catalog, fast, slow, step, symbol_choice, trailing_stop):
    mo.stop(not symbol_choice.value, mo.md("Choose an instrument."))
    strategy = ap.load_strategy("ema_cross", [own_or_shipped("strategies")])
    grid = {
        name: list(range(slider.value[0], slider.value[1] + 1, step.value))
        for name, slider in (("fast", fast), ("slow", slow))
    }
    swept = cached_sweep(
        question(symbol_choice.value, trailing_stop.value),
        grid=grid,
        where=pl.col("fast") < pl.col("slow"),
        data=catalog,
        resolution="1d",
        strategies={"ema_cross": strategy},
    )
    return (swept,)


@app.cell
def _(by, swept):
    figures = ("sharpe", "total_return", "max_drawdown", "trades", "win_rate", "profit_factor", "charges")
    best = swept.sort(by.value, descending=True, nulls_last=True).select("fast", "slow", *figures).head(10)
    mo.vstack(
        [
            mo.md(f"{len(swept):,} combinations, each on an account of its own, after all charges. {luck(swept)}"),
            charts.parameter_heat_map(swept, "fast", "slow", by.value),
            mo.md("## The ten best"),
            mo.ui.table(best.with_columns(pl.col(pl.Float64).round(3)), selection=None),
        ]
    )
    return


@app.cell
def _(swept):
    def test_no_combination_is_senseless():
        assert (swept["fast"] < swept["slow"]).all()

    return


if __name__ == "__main__":
    app.run()
