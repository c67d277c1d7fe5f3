"""`alpha-panda data list`, `chain` and `instrument`: what the catalog holds, and what it knows."""

import datetime
import pathlib
from typing import Annotated, Any

import polars as pl
from cyclopts import Parameter
from cyclopts.validators import Number

from alpha_panda.cli.options import Data, Json, read_date
from alpha_panda.data.catalog import RESOLUTIONS, Catalog
from alpha_panda.data.contracts import expiries, option_chain
from alpha_panda.instruments import Instrument
from alpha_panda.terminal import print_json, show, table
from alpha_panda.units import to_rupees

Exchange = Annotated[str, Parameter(help="Exchange of the contracts.")]
Symbols = Annotated[bool, Parameter("--symbols", negative=(), show_default=False, help="Name every instrument.")]


def list_contents(*, data: Data = pathlib.Path("data"), symbols: Symbols = False, json: Json = False) -> None:
    """List what the catalog holds: instruments at each resolution, days of contracts, and for which dates."""
    catalog = Catalog(data)
    spans = pl.concat(
        [catalog.spans(resolution).with_columns(resolution=pl.lit(resolution)) for resolution in RESOLUTIONS],
        how="diagonal_relaxed",
    ).select("symbol", "resolution", "first", "last", "rows")
    contracts = [(exchange, catalog.contract_days(exchange)) for exchange in catalog.contract_exchanges()]
    if json:
        print_json(_contents(data, spans, contracts))
        return
    if symbols and len(spans):
        rows = [(symbol, at, str(first), str(last), f"{count:,}") for symbol, at, first, last, count in _sorted(spans)]
        show(table(f"The catalog {data}", ("instrument", "resolution", "from", "to", "rows>"), rows))
    summary = [
        (what, f"{count:,}", str(first), str(last), f"{rows:,}")
        for what, count, first, last, rows in _by_resolution(spans).iter_rows()
    ]
    summary += [
        (f"{exchange} contracts, 1d", f"{len(days):,} days", str(days[0]), str(days[-1]), "")
        for exchange, days in contracts
    ]
    if summary:
        show(table(f"In the catalog {data}", ("", "instruments>", "from", "to", "rows>"), summary))
    else:
        show(f"the catalog {data} is empty: fill it with `alpha-panda data ingest PATH`")


def _sorted(spans: pl.DataFrame) -> list[tuple[Any, ...]]:
    return spans.sort("symbol", "resolution").rows()


def _by_resolution(spans: pl.DataFrame) -> pl.DataFrame:
    """Return how many instruments of each exchange there are at each resolution, and how far they reach."""
    what = pl.col("symbol").str.extract("^([A-Z]+):") + ", " + pl.col("resolution")
    return (
        spans.group_by(what.alias("what"))
        .agg(pl.len(), pl.col("first").min(), pl.col("last").max(), pl.col("rows").sum())
        .sort("what")
    )


def _contents(
    data: pathlib.Path, spans: pl.DataFrame, contracts: list[tuple[str, tuple[datetime.date, ...]]]
) -> dict[str, Any]:
    keys = ("symbol", "resolution", "from", "to", "rows")
    return {
        "data": data,
        "contents": [dict(zip(keys, row, strict=True)) for row in _sorted(spans)],
        "contracts": [
            {"exchange": exchange, "days": len(days), "from": days[0], "to": days[-1]} for exchange, days in contracts
        ],
    }


# ── One underlying, one instrument ───────────────────────────────────────────────────────────────────────────────────


def show_chain(
    underlying: Annotated[str, Parameter(help="What the options are written on, as NIFTY.")],
    /,
    *,
    on: Annotated[datetime.date, Parameter(converter=read_date, help="Day of the chain, as 2026-02-24.")],
    expiry: Annotated[
        datetime.date | None, Parameter(converter=read_date, help="Expiry; else the nearest that has options.")
    ] = None,
    strikes: Annotated[
        int, Parameter(validator=Number(gte=1), help="How many strikes to show on each side of the price.")
    ] = 10,
    exchange: Exchange = "NFO",
    data: Data = pathlib.Path("data"),
    json: Json = False,
) -> None:
    """Show the options on an underlying at the end of a day: calls left, puts right of the strike."""
    catalog = Catalog(data)
    chain = option_chain(catalog, underlying, on, expiry, exchange)
    chosen, price, lot = chain.row(0, named=True)["expiry"], chain["underlying_price"][0], chain["lot"][0]
    listed = expiries(catalog, underlying, on, exchange).filter(pl.col("strikes") > 0)["expiry"].to_list()
    rows = chain.drop("expiry", "lot", "underlying_price")
    if json:
        told = {"underlying": underlying, "on": on, "expiry": chosen, "underlying_price": price, "lot": lot}
        print_json({**told, "expiries": listed, "strikes": rows.rows(named=True)})
        return
    near = _around(rows, strikes, price)
    titles = [f"{name.replace('_', ' ').replace('open interest', 'OI')}>" for name in near.columns]
    title = f"{underlying} on {on}, options of {chosen}: {_figure(price)} rupees, lots of {lot}"
    show(table(title, titles, [tuple(map(_figure, row)) for row in near.iter_rows()]))
    show(f"expiries: {', '.join(map(str, listed))}")


def _around(chain: pl.DataFrame, strikes: int, price: float | None) -> pl.DataFrame:
    """Return so many strikes on each side of the price; where that is not known, of the strike that traded most."""
    if price is None:
        price = chain.sort(pl.sum_horizontal("call_volume", "put_volume"), descending=True)["strike"][0]
    above = int(chain["strike"].search_sorted(price))
    return chain.slice(max(above - strikes, 0), min(above, strikes) + strikes)


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def show_instrument(
    symbol: Annotated[str, Parameter(help="Exchange and name, as NSE:INFY.")],
    /,
    *,
    on: Annotated[
        datetime.date | None, Parameter(converter=read_date, help="As of this day; else as known last.")
    ] = None,
    data: Data = pathlib.Path("data"),
    json: Json = False,
) -> None:
    """Show what is known of one instrument as of a day, and of which days the catalog has data."""
    catalog = Catalog(data)
    instrument = catalog.instrument(symbol, on)
    facts = _facts(instrument) | {"known_since": _since(catalog, symbol, on)}
    spans = {resolution: catalog.span(symbol, resolution) for resolution in catalog.resolutions(symbol)}
    if json:
        held = {resolution: {"from": first, "to": last} for resolution, (first, last) in spans.items()}
        print_json({**facts, "on": on, "data": held})
        return
    rows = [(name.replace("_", " "), str(value)) for name, value in facts.items() if value not in ("", None)]
    rows += [(f"data, {resolution}", f"{first} to {last}") for resolution, (first, last) in spans.items()]
    show(table(f"{symbol}{f' on {on}' if on else ''}", ("", "value"), rows))


def _since(catalog: Catalog, symbol: str, on: datetime.date | None) -> datetime.date | None:
    """Return from which day on these terms are known; a later one than asked stands for the days before it as well."""
    listed = catalog.registry(on).listings.filter(pl.col("symbol") == symbol)["since"]
    return listed[0] if len(listed) else None


def _facts(instrument: Instrument) -> dict[str, Any]:
    """Return the terms of an instrument as people read them."""
    return {
        "symbol": instrument.symbol,
        "kind": instrument.kind,
        "name": instrument.name,
        "underlying": instrument.underlying,
        "expiry": instrument.expiry,
        "strike": to_rupees(instrument.strike_e4) if instrument.strike_e4 else None,
        "lot": instrument.lot,
        "tick": to_rupees(instrument.tick_e4),
        "freeze_quantity": instrument.freeze_quantity or None,
        "calendar": instrument.calendar,
        "instrument_token": instrument.instrument_token,
    }
