"""Futures and options: the chain of a day, what an expiry does to it, and what a trade in it costs."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Futures and options")

with app.setup:
    import datetime

    import marimo as mo
    import polars as pl

    import alpha_panda as ap
    from alpha_panda.apps import charts
    from alpha_panda.data.contracts import continuous, expiries, option_chain
    from alpha_panda.data.sample import catalog_or_sample


@app.cell
def _():
    catalog, origin = catalog_or_sample("data")
    days = catalog.contract_days("NFO")
    mo.vstack([mo.md(f"# What does the chain say?\n\n{origin}"), mo.md("" if days else "It holds no contracts yet.")])
    return catalog, days


@app.cell
def _(catalog, days):
    mo.stop(not days, mo.md("Ingest an F&O bhavcopy: `alpha-panda data ingest BhavCopy_NSE_FO_….csv`."))
    day_slider = mo.ui.slider(steps=list(range(len(days))), value=len(days) - 1, label="day", debounce=True)
    listed = catalog.contracts("NFO").filter(pl.col("kind") != "FUT").select("underlying").unique().collect()
    underlyings = listed["underlying"].sort().to_list()
    favourite = next((name for name in ("NIFTY", "BANKNIFTY") if name in underlyings), underlyings[0])
    underlying_choice = mo.ui.dropdown(underlyings, value=favourite, label="underlying", searchable=True)
    return day_slider, underlying_choice


@app.cell
def _(day_slider, days, underlying_choice):
    on = days[day_slider.value]
    mo.hstack([underlying_choice, day_slider, mo.md(f"**{on:%A, %d %B %Y}**")], justify="start", gap=2)
    return (on,)


@app.cell
def _(catalog, on, underlying_choice):
    ends = expiries(catalog, underlying_choice.value, on).filter(pl.col("strikes") > 0)
    expiry_choice = mo.ui.dropdown(
        {f"{expiry:%d %B %Y}{' (today)' if expiry == on else ''}": expiry for expiry in ends["expiry"]},
        value=f"{ends['expiry'][0]:%d %B %Y}{' (today)' if ends['expiry'][0] == on else ''}",
        label="expiry",
    )
    expiry_choice
    return (expiry_choice,)


@app.cell
def _(catalog, expiry_choice, on, underlying_choice):
    chain = option_chain(catalog, underlying_choice.value, on, expiry_choice.value)
    spot, lot = chain["underlying_price"][0], chain["lot"][0]
    sides = [
        chain.select("strike", kind=pl.lit(kind), open_interest=f"{side}_open_interest")
        for side, kind in (("call", "CE"), ("put", "PE"))
    ]
    by_side = pl.concat(sides).drop_nulls()
    return by_side, chain, lot, spot


@app.cell
def _(by_side, chain, expiry_choice, lot, on, spot):
    puts, calls = (by_side.filter(pl.col("kind") == kind)["open_interest"].sum() for kind in ("PE", "CE"))
    stats = {
        "underlying": f"₹{spot:,.2f}" if spot else "unknown",
        "lot": f"{lot:,}" if lot else "unknown",
        "days to expiry": str((expiry_choice.value - on).days),
        "puts per call": f"{puts / calls:.2f}" if calls else "–",
    }
    mo.vstack(
        [
            mo.hstack([mo.stat(value, label=label, bordered=True) for label, value in stats.items()], widths="equal"),
            charts.open_interest(by_side, spot or None),
            mo.ui.table(chain.drop("lot", "expiry", "underlying_price"), selection=None, page_size=15),
        ]
    )
    return


@app.cell
def _(chain, lot, spot):
    near = chain.drop_nulls("call_settle").sort((pl.col("strike") - (spot or 0.0)).abs())
    premium_at_hand = float(near["call_settle"][0]) if len(near) else 100.0
    lots = mo.ui.slider(1, 50, value=1, label="lots", debounce=True, show_value=True)
    premium = mo.ui.number(0.05, 100_000.0, step=0.05, value=premium_at_hand, label="premium ₹")
    lot_size = mo.ui.number(1, 100_000, value=int(lot or 75), label="lot")
    mo.vstack([mo.md("## What does a trade cost?"), mo.hstack([lots, premium, lot_size], justify="start", gap=2)])
    return lot_size, lots, premium


@app.cell
def _(lot_size, lots, on, premium):
    quantity = int(lots.value * lot_size.value)
    both = {side: ap.charges_of("options", side, quantity, premium.value, on) for side in ("buy", "sell")}
    rows = [{"item": item, "buy": both["buy"][item], "sell": both["sell"][item]} for item in both["buy"]]
    paid = both["buy"]["total"] + both["sell"]["total"]
    mo.vstack(
        [
            mo.md(
                f"Buying and selling {quantity:,} units at ₹{premium.value:,.2f} costs **₹{paid:,.2f}**: the premium "
                f"must move **{paid / quantity:.2f}** rupees before anything is earned, at the rates of {on:%d %B %Y}."
            ),
            mo.ui.table(rows, selection=None),
        ]
    )
    return


@app.cell
def _(catalog, underlying_choice):
    rolls = {"on the expiry day": 0, "two sessions before": 2, "five sessions before": 5}
    roll_choice = mo.ui.dropdown(rolls, value="on the expiry day", label="roll")
    try:
        continuous(catalog, underlying_choice.value)
        has_futures = True
    except ap.DataError as refused:
        has_futures = False
        mo.output.append(mo.md(f"> {refused}"))
    mo.vstack([mo.md("## One future after the other"), roll_choice]) if has_futures else None
    return has_futures, roll_choice


@app.cell
def _(catalog, has_futures, roll_choice, underlying_choice):
    mo.stop(not has_futures)
    joined = continuous(catalog, underlying_choice.value, sessions_before=roll_choice.value)
    mo.ui.table(joined, selection=None)
    return


@app.cell
def _(chain):
    def test_calls_fall_and_puts_rise_with_the_strike():
        calls = chain.drop_nulls("call_settle")["call_settle"]
        puts = chain.drop_nulls("put_settle")["put_settle"]
        assert calls[0] >= calls[-1]
        assert puts[0] <= puts[-1]

    def test_an_order_of_options_pays_twenty_rupees_of_brokerage():
        charged = ap.charges_of("options", "buy", 75, 100, datetime.date(2025, 1, 1))
        assert charged["brokerage"] == 20

    return


if __name__ == "__main__":
    app.run()
