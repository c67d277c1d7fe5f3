"""Explore the catalog: what is in it, how good it is, and what it looks like."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Explore data and its quality")

with app.setup:
    import datetime

    import marimo as mo
    import polars as pl

    import alpha_panda as ap
    from alpha_panda import indicators
    from alpha_panda.apps import charts
    from alpha_panda.data.quality import quality
    from alpha_panda.data.sample import catalog_or_sample


@app.cell
def _():
    catalog, origin = catalog_or_sample("data")
    mo.md(f"# What is in the catalog?\n\n{origin}")
    return (catalog,)


@app.cell
def _(catalog):
    resolutions = [each for each in ("1d", "1m", "tick") if catalog.symbols(each)]
    resolution_choice = mo.ui.dropdown(resolutions, value=resolutions[0], label="resolution")
    return (resolution_choice,)


@app.cell
def _(catalog, resolution_choice):
    symbols = catalog.symbols(resolution_choice.value)
    symbol_choice = mo.ui.dropdown(symbols, value=symbols[0], label="instrument", searchable=True)
    average = mo.ui.slider(2, 200, value=20, label="average of", debounce=True, show_value=True)
    mo.hstack([resolution_choice, symbol_choice, average], justify="start", gap=2)
    return average, symbol_choice


@app.cell
def _(catalog, resolution_choice, symbol_choice):
    first_held, last_held = catalog.span(symbol_choice.value, resolution_choice.value)
    # Days of bars are many and small, days of minutes and ticks are not: the last ten of these are enough to see.
    shown_days = 730 if resolution_choice.value == "1d" else 14
    period = mo.ui.date_range(
        start=first_held,
        stop=last_held,
        value=(max(first_held, last_held - datetime.timedelta(days=shown_days)), last_held),
        label="period",
    )
    period
    return (period,)


@app.cell
def _(average, catalog, period, resolution_choice, symbol_choice):
    rows = ap.bars(symbol_choice.value, resolution_choice.value, *period.value, data=catalog)
    shown = rows.with_columns(indicators.sma(rows, average.value).alias("average"))
    charts.candles(shown, lines=["average"], title=f"{symbol_choice.value}, {resolution_choice.value}")
    return (rows,)


@app.cell
def _(catalog, resolution_choice):
    report = quality(catalog, resolution=resolution_choice.value)
    plain = report.select(
        *("symbol", "rows", "first", "last", "sessions_expected", "sessions_present", "verdict"),
        missing_days=pl.col("days_missing").list.len(),
        outliers="outliers",
        stale="stale_bars",
    )
    mo.vstack([mo.md("## How good is it?"), mo.ui.table(plain, selection=None, page_size=12)])
    return (report,)


@app.cell
def _():
    example = """select symbol, count(*) as days, min(low) as lowest, max(high) as highest
    from bars_1d group by symbol order by symbol"""
    question = mo.ui.code_editor(
        example,
        language="sql",
        label="Ask it in SQL: bars_1d, bars_1m, ticks, contracts, instruments, quarantine …",
    )
    ask = mo.ui.run_button(label="ask")
    mo.vstack([mo.md("## Ask it anything"), question, ask])
    return ask, question


@app.cell
def _(ask, catalog, question):
    mo.stop(not ask.value, mo.md("*Press ask.*"))
    try:
        answer = mo.ui.table(ap.query(question.value, data=catalog.root), selection=None)
    except ap.AlphaPandaError as refused:
        answer = mo.callout(str(refused), kind="warn")
    answer
    return


@app.cell
def _(catalog, report):
    def test_the_catalog_answers_in_sql():
        counted = ap.query("select count(*) as rows from instruments", data=catalog.root)
        assert counted["rows"][0] > 0

    def test_every_instrument_of_the_catalog_has_a_verdict():
        assert set(report["symbol"]) <= set(catalog.symbols())
        assert (report["verdict"].str.len_chars() > 0).all()

    return


if __name__ == "__main__":
    app.run()
