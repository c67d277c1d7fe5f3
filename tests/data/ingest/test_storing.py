"""Many files at once come out as one after another would, with every instrument's file written once."""

import pathlib

import polars as pl
import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import ingest, storing
from alpha_panda.data.ingest.defects import Defect
from tests.data.ingest.files import written

HEADER = "SYMBOL,SERIES,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE,TOTTRDQTY,TOTTRDVAL,TIMESTAMP,TOTALTRADES,ISIN,"


def day(symbol: str, date: str, price: int) -> str:
    return f"{symbol},EQ,{price},{price},{price},{price},{price},{price},7,0,{date},1,INE0,"


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Four files of three days: the second repeats a bar of the first, the third contradicts one, the last both."""
    lines = [
        [day("AAA", "06-JAN-2025", 100), day("BBB", "06-JAN-2025", 200)],
        [day("AAA", "06-JAN-2025", 100), day("AAA", "07-JAN-2025", 101)],
        [day("AAA", "07-JAN-2025", 999), day("BBB", "07-JAN-2025", 201)],
        [day("AAA", "07-JAN-2025", 101), day("AAA", "06-JAN-2025", 999), day("CCC", "08-JAN-2025", 300)],
    ]
    for number, own in enumerate(lines):
        written(tmp_path / "in" / f"{number}.csv", HEADER, *own)
    return tmp_path / "in"


def state_of(catalog: Catalog) -> dict[str, bytes]:
    paths = [path for path in catalog.root.rglob("*") if path.is_file()]
    return {str(path.relative_to(catalog.root)): path.read_bytes() for path in paths}


def counts(reports: tuple[object, ...]) -> list[tuple[int, int, dict[str, int]]]:
    return [(each.written, each.present, each.quarantined) for each in reports]


OUTCOMES = [(2, 0, {}), (1, 1, {}), (1, 0, {Defect.CONFLICT: 1}), (1, 1, {Defect.CONFLICT: 1})]


def test_a_batch_has_the_outcome_of_one_file_after_another(folder: pathlib.Path, tmp_path: pathlib.Path):
    together, apart = Catalog(tmp_path / "together"), Catalog(tmp_path / "apart")
    report = ingest([folder], together)
    assert counts(report.files) == OUTCOMES
    assert [counts(ingest([path], apart).files)[0] for path in sorted(folder.iterdir())] == OUTCOMES
    assert state_of(together) == state_of(apart)
    assert counts(ingest([folder], together).files) == [
        (0, 2, {}),
        (0, 2, {}),
        (0, 1, {Defect.CONFLICT: 1}),
        (0, 2, {Defect.CONFLICT: 1}),
    ]
    assert state_of(together) == state_of(apart)


@pytest.mark.parametrize("rows", [1, 3, 5])
def test_the_size_of_a_batch_changes_nothing(
    folder: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, rows: int
):
    whole, small = Catalog(tmp_path / "whole"), Catalog(tmp_path / "small")
    ingest([folder], whole)
    monkeypatch.setattr(storing, "BATCH_ROWS", rows)
    assert counts(ingest([folder], small).files) == OUTCOMES
    assert state_of(small) == state_of(whole)


def test_every_instrument_is_written_once_for_a_folder_of_days(
    folder: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    stored: list[str] = []
    store = Catalog.store

    def noted(catalog: Catalog, symbol: str, resolution: str, rows: pl.DataFrame):
        outcome = store(catalog, symbol, resolution, rows)
        stored.extend([symbol] if outcome.written else [])
        return outcome

    monkeypatch.setattr(Catalog, "store", noted)
    ingest([folder], Catalog(tmp_path / "data"))
    assert stored == ["NSE:AAA", "NSE:BBB", "NSE:CCC"]


def test_the_contradicted_row_is_kept_as_it_stands_in_its_file(folder: pathlib.Path, tmp_path: pathlib.Path):
    ingest([folder], Catalog(tmp_path / "data"))
    (path,) = (tmp_path / "data" / "quarantine").glob("3-*.parquet")
    kept = pl.read_parquet(path)
    assert kept.select("row", "SYMBOL_given", "CLOSE", "TIMESTAMP", "defect").rows() == [
        (1, "AAA", "999", "06-JAN-2025", Defect.CONFLICT)
    ]
