"""The catalog in SQL: what can be asked, in which units, and what it refuses."""

import datetime
import pathlib
import sys
from typing import Any

import polars as pl
import pytest

import alpha_panda
from alpha_panda.data.adjust import ACTIONS
from alpha_panda.data.catalog import BAR_COLUMNS, Catalog
from alpha_panda.data.query import query
from alpha_panda.errors import CatalogError, ConfigurationError
from alpha_panda.instruments import Instrument
from alpha_panda.units import ist_time_ns, parse_clock, to_e4
from tests.data.listed import FEBRUARY, contract, store

MONDAY = datetime.date(2025, 1, 6)
CLOSE_NS = ist_time_ns(MONDAY, parse_clock("15:30"))


@pytest.fixture
def catalog(tmp_path: pathlib.Path) -> Catalog:
    """Return a catalog with a little of everything, in a folder whose name wants quoting."""
    catalog = Catalog(tmp_path / "it's data")
    catalog.register([Instrument("NSE:M&M", 519937, 500)], since=MONDAY)
    bar = pl.DataFrame({name: [to_e4(21.9)] for name in BAR_COLUMNS}).with_columns(time_ns=CLOSE_NS, volume=7)
    for resolution in ("1m", "1d"):
        catalog.store("NSE:M&M", resolution, bar)
    catalog.store_adjusted("NSE:M&M", bar, source="kite")
    tick = {"time_ns": CLOSE_NS - 1_000, "price_e4": to_e4(21.9), "volume_day": 9, "bid_e4": 0, "ask_e4": to_e4(22)}
    catalog.store("NSE:M&M", "tick", pl.DataFrame([{**tick, "open_interest": 0}]))
    store(catalog, MONDAY, contract("NIFTY26FEBFUT", 25_400, FEBRUARY, settle_e4=0))
    action = {"symbol": "NSE:M&M", "ex_date": MONDAY, "price_factor": 0.5, "volume_factor": 0.5, "source": "NSE"}
    catalog.store_actions(pl.DataFrame([action], schema=ACTIONS))
    refused = {"symbol": ["NSE:AAA"], "resolution": ["tick"], "defect": ["price"]}
    catalog.quarantine("vendor-1a", pl.DataFrame({"row": [3], "price": [-1.0], **refused}))
    catalog.quarantine("ticks-2b", pl.DataFrame({"row": [8], "ltp": ["n/a"], **refused}))
    return catalog


# ── What can be asked ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("view", ["bars_1m", "bars_1d"])
def test_bars_are_in_rupees_and_in_ist_under_their_symbol(catalog: Catalog, view: str):
    assert query(f"FROM {view}", catalog).rows(named=True) == [
        {
            "symbol": "NSE:M&M",
            "time": datetime.datetime(2025, 1, 6, 15, 30),  # noqa: DTZ001  # IST, as the docstring says
            **dict.fromkeys(("open", "high", "low", "close"), 21.9),
            "volume": 7,
            "time_ns": CLOSE_NS,
        }
    ]


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("SELECT symbol, price, bid, ask, volume_day FROM ticks", ("NSE:M&M", 21.9, None, 22.0, 9)),
        ("SELECT source, symbol, close FROM adjusted_1d", ("kite", "NSE:M&M", 21.9)),
        (
            "SELECT symbol, since, tick, kind, expiry, strike FROM instruments",
            ("NSE:M&M", MONDAY, 0.05, "EQ", None, None),
        ),
        ("SELECT symbol, ex_date, price_factor FROM actions", ("NSE:M&M", MONDAY, 0.5)),
        ("SELECT * FROM quarantine ORDER BY row DESC", ("ticks-2b", 8, "NSE:AAA", "tick", "price")),
        (
            "SELECT date, kind, strike, close, settle, underlying, underlying_price, lot FROM contracts",
            (MONDAY, "FUT", None, 25_400.0, None, "NIFTY", 25_400.0, 65),
        ),
        ("WITH held AS (SELECT * FROM bars_1d) SELECT count(*) FROM held; -- all of them", (1,)),
        ("SELECT time::DATE FROM ticks", (MONDAY,)),
    ],
)
def test_every_part_of_the_catalog_can_be_asked(catalog: Catalog, sql: str, row: tuple[Any, ...]):
    assert query(sql, catalog).row(0) == row


def test_the_views_are_those_for_which_there_is_something(tmp_path: pathlib.Path):
    catalog = Catalog(tmp_path)
    store(catalog, MONDAY, contract("NIFTY26FEBFUT", 25_400, FEBRUARY))
    assert query("SHOW TABLES", tmp_path)["name"].to_list() == ["contracts"]


def test_nothing_else_is_there(catalog: Catalog):
    views = {"actions", "adjusted_1d", "bars_1d", "bars_1m", "contracts", "instruments", "quarantine", "ticks"}
    assert set(query("SHOW TABLES", catalog)["name"]) == views


def test_the_answer_keeps_its_order(catalog: Catalog):
    for day in range(1, 5):
        later = catalog.root / "bars/1d/NSE/M&M.parquet"
        rows = pl.read_parquet(later).tail(1).with_columns(pl.col("time_ns") + 86_400 * 10**9 * day)
        catalog.store("NSE:M&M", "1d", rows)
    times = query("SELECT time_ns FROM bars_1d ORDER BY time_ns DESC", catalog)["time_ns"]
    assert len(times) == 5
    assert times.is_sorted(descending=True)


def test_the_package_answers_at_its_top(catalog: Catalog):
    assert alpha_panda.query("SELECT 1 AS one", catalog)["one"].to_list() == [1]


# ── What it refuses ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("SLECT 1", '^Parser Error: syntax error at or near "SLECT"$'),
        ("SELECT nope FROM bars_1d", "Referenced column"),
        ("SELECT * FROM bars", "Table with name bars does not exist; the catalog has bars_1m, bars_1d, adjusted_1d"),
        ("SELECT 'x'::INT", "Could not convert"),
        ("", "one SELECT at a time"),
        ("SELECT 1; SELECT 2", "one SELECT at a time"),
        ("PIVOT bars_1d ON symbol USING sum(volume)", "one SELECT at a time"),
    ],
)
def test_bad_sql_is_one_sentence(catalog: Catalog, sql: str, answer: str):
    with pytest.raises(ConfigurationError, match=answer) as caught:
        query(sql, catalog)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "COPY bars_1d TO '{inside}'",
        "WITH written AS (COPY (SELECT 1) TO '{inside}') SELECT 1",
        "SELECT * FROM (WITH written AS (COPY (SELECT 1) TO '{inside}') SELECT 1)",
        "SELECT * FROM query('WITH written AS (COPY (SELECT 1) TO ''{inside}'') SELECT 1')",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{inside}'",
        "ATTACH '{inside}' AS other",
        "EXPORT DATABASE '{inside}'",
        "SELECT * FROM enable_logging(storage = 'file', storage_path = '{inside}')",
        "SELECT * FROM enable_profiling(save_location = '{inside}')",
        "SELECT * FROM read_text('{outside}')",
        "SELECT * FROM read_csv('{outside}')",
        "SELECT * FROM glob('{outside}')",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ],
)
def test_sql_neither_writes_nor_looks_elsewhere(catalog: Catalog, tmp_path: pathlib.Path, sql: str):
    outside = tmp_path / "secret.csv"
    outside.write_text("a\n1\n")
    before = sorted(tmp_path.rglob("*"))
    inside = str(catalog.root / "written").replace("'", "''")
    with pytest.raises(ConfigurationError):
        query(sql.format(inside=inside, outside=outside), catalog)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_column_of_a_kind_that_no_table_holds_is_refused(catalog: Catalog):
    with pytest.raises(ConfigurationError, match="the answer has a column that no table here can hold"):
        query("SELECT INTERVAL 3 DAYS AS span", catalog)


def test_an_empty_catalog_says_how_to_fill_it(tmp_path: pathlib.Path):
    with pytest.raises(CatalogError, match=r"is empty: fill it with `alpha-panda data ingest FILE`$"):
        query("SELECT 1", tmp_path)


def test_a_file_that_cannot_be_read_is_named(catalog: Catalog):
    (catalog.root / "bars/1d/NSE/M&M.parquet").write_bytes(b"not Parquet, not at all")
    with pytest.raises(CatalogError, match=r"delete the file and ingest its data again: .*M&M\.parquet"):
        query("SELECT 1", catalog)


def test_a_file_that_turns_out_damaged_is_no_error_in_the_question(catalog: Catalog):
    path = catalog.root / "bars/1d/NSE/ZZZ.parquet"  # not the first, of which the view takes its columns
    path.write_bytes(b"not Parquet, not at all")
    with pytest.raises(CatalogError, match=r"delete the file and ingest its data again: .*ZZZ\.parquet"):
        query("SELECT count(*) FROM bars_1d", catalog)


def test_without_duckdb_it_says_what_to_install(catalog: Catalog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ConfigurationError, match=r"install it with `pip install alpha-panda\[data\]`$"):
        query("SELECT 1", catalog)
