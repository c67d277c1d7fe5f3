"""Corporate actions: read, kept without contradiction, and found again in real prices."""

import datetime
import pathlib
from collections.abc import Callable

import polars as pl
import pytest

from alpha_panda.data.actions import (
    add,
    detect,
    from_adjusted,
    from_previous_close,
    read_actions,
    read_previous_closes,
)
from alpha_panda.data.adjust import adjusted
from alpha_panda.data.catalog import Catalog
from alpha_panda.errors import CatalogError, DataError
from alpha_panda.units import ist_date
from tests.data.shares import daily, filled, real_days, session_dates, share

SharedFile = Callable[[str], pathlib.Path]

DATES = session_dates(12)

# The derived file rounds factors to five digits, of prices that are rounded to 0.05 rupee.
FACTOR_TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def vendor_and_raw(tmp_path_factory: pytest.TempPathFactory, shared_file: SharedFile) -> Catalog:
    """Return a catalog of 25 real shares: raw days of NSE, and those that a vendor adjusted."""
    catalog = Catalog(tmp_path_factory.mktemp("data"))
    vendor = real_days(shared_file("daily/kite_adj_daily_2020_2025.parquet"), "close", "volume")
    raw = real_days(shared_file("daily/raw_eq_2019_2026.parquet"), "close_price", "ttl_trd_qnty", open="open_price")
    catalog.register([share(symbol) for symbol in vendor])
    for symbol, rows in vendor.items():
        catalog.store(symbol, "1d", raw[symbol])
        catalog.store_adjusted(symbol, rows, "kite")
    return catalog


# ── Found ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_known_actions_of_25_real_shares_are_found_again_and_no_others(
    vendor_and_raw: Catalog, shared_file: SharedFile
):
    known = read_actions(shared_file("daily/corporate_action_factors_derived.csv"))
    found = detect(vendor_and_raw)
    assert found.select("symbol", "ex_date").equals(known.select("symbol", "ex_date"))
    assert (found["price_factor"] - known["price_factor"]).abs().max() < FACTOR_TOLERANCE


def test_the_factor_of_a_split_is_as_exact_as_its_volumes(vendor_and_raw: Catalog):
    found = {(row["symbol"], str(row["ex_date"])): row for row in detect(vendor_and_raw).iter_rows(named=True)}
    assert found["NSE:BEL", "2022-09-15"]["price_factor"] == pytest.approx(1 / 3, abs=1e-7)
    # ONGC's special dividend moved no volumes, RELIANCE's demerger did.
    assert found["NSE:ONGC", "2023-11-21"]["volume_factor"] == 1.0
    assert found["NSE:RELIANCE", "2023-07-20"]["volume_factor"] == pytest.approx(0.9532, abs=1e-5)


def test_raw_days_adjusted_by_what_was_found_are_the_vendors(vendor_and_raw: Catalog):
    # ONGC is left out: its vendor subtracted a dividend of 5.75 rupees instead of multiplying.
    actions = detect(vendor_and_raw)
    last = datetime.date(2025, 9, 30)
    for symbol in sorted(set(actions["symbol"]) - {"NSE:ONGC"}):
        ours = adjusted(
            pl.read_parquet(vendor_and_raw.root / f"bars/1d/NSE/{symbol[4:]}.parquet"), symbol, actions, last
        )
        both = ours.join(vendor_and_raw.adjusted_bars(symbol), on="time_ns", suffix="_vendor")
        # The vendor's closes of 2025-02-01 differ from NSE's; all others it cut to 0.05 rupee, once per action.
        both = both.filter(pl.from_epoch(pl.col("time_ns") // 10**9).dt.date() != datetime.date(2025, 2, 1))
        assert (both["close_e4"] - both["close_e4_vendor"]).abs().max() <= 1_000, symbol


def test_one_wrong_price_is_no_action():
    raw = daily([100.0] * 12)
    vendor = daily([100.0] * 5 + [97.0] + [100.0] * 6)
    assert from_adjusted("NSE:AAA", raw, vendor).is_empty()


def test_a_step_at_the_first_session_after_one_that_the_vendor_lacks_is_not_dated_for_sure():
    raw, vendor = daily([100.0] * 5 + [50.0] * 7), daily([50.0] * 12)
    missing = vendor.filter(~pl.Series([day == 5 for day in range(12)]))
    [action] = from_adjusted("NSE:AAA", raw, missing, "kite").rows(named=True)
    assert action["ex_date"] == DATES[6]
    assert action["source"] == f"raw against adjusted by kite, some day after {DATES[4]}"


def test_detecting_needs_raw_days(tmp_path: pathlib.Path):
    catalog = filled(tmp_path, AAA=daily([100.0]))
    catalog.store_adjusted("NSE:BBB", daily([100.0]), "kite")
    with pytest.raises(CatalogError, match="no 1d data of NSE:BBB"):
        detect(catalog, ["NSE:BBB"])
    assert detect(catalog).is_empty()


# ── Previous closes ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_previous_close_that_the_exchange_adjusted_is_an_action(tmp_path: pathlib.Path):
    catalog = filled(tmp_path, AAA=daily([100.0, 100.0]), BBB=daily([70.0, 70.0]))
    printed = pl.DataFrame({"symbol": ["NSE:AAA", "NSE:BBB"], "date": [DATES[1]] * 2, "prev_close": [20.0, 70.0]})
    [action] = from_previous_close(catalog, printed).rows(named=True)
    assert (action["symbol"], action["ex_date"]) == ("NSE:AAA", DATES[1])
    assert action["price_factor"] == action["volume_factor"] == pytest.approx(0.2)


def test_nothing_is_claimed_where_the_close_of_the_session_before_is_not_known(tmp_path: pathlib.Path):
    catalog = filled(tmp_path, AAA=daily([100.0, 100.0], dates=[DATES[0], DATES[2]]))
    unknown = {"symbol": ["NSE:AAA", "NSE:ZZZ"], "date": [DATES[2], DATES[2]], "prev_close": [20.0, 20.0]}
    assert from_previous_close(catalog, pl.DataFrame(unknown)).is_empty()


@pytest.mark.parametrize(
    "name",
    # The modern file leaves the previous close as it was, the old one adjusts it and its day was nobody's ex-date.
    [
        "daily/raw_eq_2019_2026.parquet",
        "bhavcopy/cm01JAN2020bhav.csv.gz",
        "bhavcopy/sec_bhavdata_full_EQ_2026-08-21.csv.gz",
    ],
)
def test_real_bhavcopies_claim_nothing_where_there_is_nothing_to_see(
    name: str, vendor_and_raw: Catalog, shared_file: SharedFile
):
    printed = read_previous_closes(shared_file(name))
    assert printed["prev_close"].null_count() == 0
    assert set(vendor_and_raw.symbols("1d")) & set(printed["symbol"])
    assert from_previous_close(vendor_and_raw, printed).is_empty()


def test_only_the_series_of_ordinary_shares_counts(tmp_path: pathlib.Path):
    path = tmp_path / "cm.csv"
    path.write_text("SYMBOL,SERIES,PREVCLOSE,TIMESTAMP\nAAA,EQ,100.5,07-JAN-2025\nAAA,BE,99,07-JAN-2025\n")
    assert read_previous_closes(path).rows() == [("NSE:AAA", datetime.date(2025, 1, 7), 100.5)]


def test_a_file_without_previous_closes_is_refused(tmp_path: pathlib.Path):
    path = tmp_path / "weather.csv"
    path.write_text("day,rain\n2025-01-06,3\n")
    with pytest.raises(DataError, match=r"weather\.csv prints no previous close"):
        read_previous_closes(path)


# ── Supplied ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def written(path: pathlib.Path, *lines: str) -> pathlib.Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_file_without_volume_factors_keeps_turnover_as_it_was(tmp_path: pathlib.Path):
    path = written(
        tmp_path / "mine.csv", "symbol,ex_date,price_factor", "AAA,2025-01-08,0.2", "BSE:BBB,08-Jan-2025,0.5"
    )
    found = read_actions(path)
    assert found["symbol"].to_list() == ["BSE:BBB", "NSE:AAA"]
    assert found["ex_date"].to_list() == [datetime.date(2025, 1, 8)] * 2
    assert found["volume_factor"].to_list() == found["price_factor"].to_list() == [0.5, 0.2]
    assert found["source"].to_list() == ["mine.csv"] * 2


def test_a_year_of_two_digits_is_of_this_century(tmp_path: pathlib.Path):
    path = written(tmp_path / "mine.csv", "symbol,ex_date,price_factor", "AAA,08-JAN-25,0.2")
    assert read_actions(path)["ex_date"].to_list() == [datetime.date(2025, 1, 8)]


def test_parquet_reads_as_csv_does(tmp_path: pathlib.Path):
    frame = pl.DataFrame({"symbol": ["AAA"], "ex_date": [DATES[0]], "price_factor": [0.5], "volume_factor": [1.0]})
    frame.write_parquet(tmp_path / "mine.parquet")
    assert read_actions(tmp_path / "mine.parquet").row(0) == ("NSE:AAA", DATES[0], 0.5, 1.0, "mine.parquet")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["symbol,ex_date", "AAA,2025-01-08"], "it has no column price_factor"),
        (["symbol,ex_date,price_factor", "AAA,2025-01-08,0.5", "AAA,soon,0.5"], "row 2 of .* is no corporate action"),
        (["symbol,ex_date,price_factor", "AAA,2025-01-08,0"], "factors between 0.001 and 1,000"),
        (["symbol,ex_date,price_factor", "AAA,2025-01-08,NaN"], "factors between"),
        (["symbol,ex_date,price_factor", ",2025-01-08,0.5"], "it needs a symbol"),
        (["symbol,ex_date,price_factor", *["AAA,2025-01-08,0.5"] * 2], "has two actions of NSE:AAA on 2025-01-08"),
    ],
)
def test_a_file_that_cannot_be_is_refused_in_one_sentence(tmp_path: pathlib.Path, lines: list[str], sentence: str):
    with pytest.raises(DataError, match=sentence):
        read_actions(written(tmp_path / "mine.csv", *lines))


def test_an_absent_file_is_refused(tmp_path: pathlib.Path):
    with pytest.raises(DataError, match=r"absent\.csv cannot be read"):
        read_actions(tmp_path / "absent.csv")


# ── Kept ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_adding_twice_changes_nothing_and_a_contradiction_is_handed_back(tmp_path: pathlib.Path):
    catalog = Catalog(tmp_path)
    actions = read_actions(written(tmp_path / "mine.csv", "symbol,ex_date,price_factor", "AAA,2025-01-08,0.33333"))
    assert add(catalog, actions).written == 1
    again = add(catalog, actions.with_columns(price_factor=1 / 3, volume_factor=1 / 3))
    assert (again.written, again.present, len(again.conflicts)) == (0, 1, 0)
    other = add(catalog, actions.with_columns(price_factor=0.5))
    assert (other.written, other.present, len(other.conflicts)) == (0, 0, 1)
    assert catalog.actions()["price_factor"].to_list() == [0.33333]


def test_of_two_that_disagree_the_first_is_kept(tmp_path: pathlib.Path):
    catalog = filled(tmp_path, AAA=daily([100.0] * 6 + [50.0] * 6))
    catalog.store_adjusted("NSE:AAA", daily([50.0] * 12), "one")
    catalog.store_adjusted("NSE:AAA", daily([45.0] * 6 + [50.0] * 6), "two")
    found = detect(catalog)
    assert found["price_factor"].to_list() == pytest.approx([0.5, 0.45])
    added = add(catalog, found)
    assert (added.written, added.present, added.conflicts["source"].to_list()) == (
        1,
        0,
        ["raw against adjusted by two"],
    )
    assert catalog.actions()["price_factor"].to_list() == [0.5]


def test_a_catalog_without_actions_has_none(tmp_path: pathlib.Path):
    assert Catalog(tmp_path).actions().is_empty()


def test_days_of_the_tests_are_sessions():
    assert [ist_date(time_ns) for time_ns in daily([1.0] * 12)["time_ns"]] == DATES
