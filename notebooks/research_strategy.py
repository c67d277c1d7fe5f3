"""Research a strategy: move a parameter and see at once what would have become of it."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Research a strategy")

with app.setup:
    import marimo as mo
    import polars as pl

    import alpha_panda as ap
    from alpha_panda.apps import charts
    from alpha_panda.apps.controls import parameter_sliders
    from alpha_panda.backtest.cache import cached_run
    from alpha_panda.backtest.stats.text import row
    from alpha_panda.config import NO_LIMITS
    from alpha_panda.data.sample import catalog_or_sample
    from alpha_panda.workspace import own_or_shipped


@app.function
def question(strategy: str, symbols: list[str], parameters: dict[str, float], stop_loss: float) -> dict:
    """Return a profile that gives a strategy one crore over daily bars; live would take the same tables."""
    terms = {
        "name": strategy,
        "strategy": strategy,
        "instruments": symbols,
        "interval": "1d",
        "capital": 10_000_000,
        "product": "CNC",
        "parameters": parameters,
        "size": {"mode": "fraction", "value": 1 / len(symbols), "compounding": True},
        "guards": {"stop_loss": stop_loss},
    }
    return {
        "account": {"capital": 10_000_000},
        "strategies": [terms],
        "market": {"equity_every": "1d"},
        "risk": NO_LIMITS,
    }


@app.cell
def _():
    catalog, origin = catalog_or_sample("data")
    mo.md(f"# What would have become of it?\n\n{origin}")
    return (catalog,)


@app.cell
def _(catalog):
    strategies = {path.stem: path for path in sorted(own_or_shipped("strategies").glob("*.py"))}
    symbols = catalog.tradable("1d")
    strategy_choice = mo.ui.dropdown(list(strategies), value="ema_cross", label="strategy")
    symbol_choice = mo.ui.multiselect(symbols, value=symbols[:4], label="instruments")
    mo.hstack([strategy_choice, symbol_choice], justify="start", gap=2)
    return strategies, strategy_choice, symbol_choice


@app.cell
def _(strategies, strategy_choice):
    strategy = ap.load_strategy(strategies[strategy_choice.value])
    sliders = parameter_sliders(strategy)
    stop_loss = mo.ui.slider(0.0, 0.2, 0.01, value=0.0, label="stop loss", debounce=True, show_value=True)
    mo.vstack(
        [
            mo.md(f"*{strategy.summary}*"),
            mo.hstack([*sliders.elements.values(), stop_loss], justify="start", gap=2, wrap=True),
        ]
    )
    return sliders, stop_loss, strategy


@app.cell
def _(catalog, sliders, stop_loss, strategy, symbol_choice):
    mo.stop(not symbol_choice.value, mo.md("Choose an instrument."))
    asked = question(strategy.name, symbol_choice.value, sliders.value, stop_loss.value)
    result = cached_run(asked, data=catalog, resolution="1d", strategies={strategy.name: strategy})
    return (result,)


@app.cell
def _(result):
    headline = ("Return [%]", "CAGR [%]", "Sharpe Ratio", "Max. Drawdown [%]", "# Trades", "# Trials")
    rows = [row(label, result.stats[label]) for label in headline]
    stats = [mo.stat(value, label=name, bordered=True) for name, value in rows]
    mo.vstack([mo.hstack(stats, widths="equal", gap=1), *(mo.md(f"> {note}") for note in result.notes)])
    return


@app.cell
def _(result):
    mo.ui.tabs(
        {
            "equity": charts.equity(result.equity, result.benchmark),
            "underwater": charts.underwater(result.equity),
            "months": charts.monthly_heat_map(result.monthly),
            "rolling Sharpe": charts.rolling_sharpe(result.daily),
            "daily returns": charts.return_distribution(result.daily),
            "trades": charts.trade_scatter(result.trades),
            "exposure": charts.exposure(result.equity),
        }
    )
    return


@app.cell
def _(symbol_choice):
    price_of = mo.ui.dropdown(symbol_choice.value, value=symbol_choice.value[0], label="entries and exits of")
    price_of
    return (price_of,)


@app.cell
def _(price_of, result):
    own_fills = result.fills.filter(pl.col("symbol") == price_of.value)
    charts.candles(result.bars(price_of.value), own_fills, title=price_of.value)
    return


@app.cell
def _(result):
    figures = [dict(zip(("figure", "value"), row(*figure), strict=True)) for figure in result.stats.items()]
    mo.accordion(
        {
            "Every figure": mo.ui.table(figures, selection=None, page_size=50),
            "Closed trades": mo.ui.table(result.trades, selection=None),
            "Refused by risk": mo.ui.table(result.refusals, selection=None),
            "Charges": mo.ui.table(result.charges, selection=None),
        }
    )
    return


@app.cell
def _(catalog, strategies):
    def test_a_question_is_answered_on_the_data_at_hand():
        symbols = list(catalog.tradable("1d")[:2])
        strategy = ap.load_strategy(strategies["ema_cross"])
        asked = question("ema_cross", symbols, {"fast": 5, "slow": 20}, 0.05)
        result = ap.run(asked, data=catalog, resolution="1d", strategies={"ema_cross": strategy})
        assert len(result.trades) > 0

    return


if __name__ == "__main__":
    app.run()
