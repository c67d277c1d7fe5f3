"""Files are told by their content: what they are packed in and called does not matter, and what is none is refused."""

import gzip
import io
import json
import pathlib
import zipfile

import polars as pl
import pytest

from alpha_panda.data.ingest.opening import columns_of, fingerprint, load, plain
from alpha_panda.errors import DataError

CSV = b"SYMBOL, PREV. CLOSE,\nAAA, 10.50,\nBBB, -,\n"


def parquet() -> bytes:
    content = io.BytesIO()
    pl.DataFrame({"SYMBOL": ["AAA", "BBB"], "PREV. CLOSE": [10.5, None]}).write_parquet(content)
    return content.getvalue()


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside.csv", content)
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [CSV, gzip.compress(CSV), zipped(CSV), parquet(), gzip.compress(parquet()), b"\xef\xbb\xbf" + CSV],
    ids=["csv", "csv.gz", "csv.zip", "parquet", "parquet.gz", "csv with a byte order mark"],
)
@pytest.mark.parametrize("name", ["data.csv", "data.parquet", "data"])
def test_a_file_is_what_its_first_bytes_say(tmp_path: pathlib.Path, content: bytes, name: str):
    path = tmp_path / name
    path.write_bytes(content)
    assert columns_of(path) == ("symbol", "prev_close")
    frame = load(path)
    assert [plain(name) for name in frame.columns] == ["symbol", "prev_close"]
    assert len(frame) == 2


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_values_may_be_apart_by_any_usual_sign(tmp_path: pathlib.Path, separator: str):
    path = tmp_path / "a.csv"
    path.write_text(separator.join("abc") + "\n" + separator.join("123") + "\n")
    assert load(path).rows() == [("1", "2", "3")]


def test_records_of_json_are_rows(tmp_path: pathlib.Path):
    path = tmp_path / "a"
    path.write_text(json.dumps([{"symbol": "AAA", "open": 10}, {"symbol": "BBB", "open": 10.5}]))
    assert load(path).rows() == [("AAA", 10.0), ("BBB", 10.5)]


def test_whole_prices_of_candles_arrive_as_integers(tmp_path: pathlib.Path):
    path = tmp_path / "a"
    candles = [["2017-12-15T09:15:00+0530", 1704.5, 1705, 1699.25, 1702, 2499, 7], ["x", 1, 1, 1, 1, 0, 0]]
    path.write_text(json.dumps({"status": "success", "data": {"candles": candles}}))
    frame = load(path)
    assert columns_of(path) == ("candle", "open", "high", "low", "close", "volume", "oi")
    assert frame.row(0) == ("2017-12-15T09:15:00+0530", 1704.5, 1705.0, 1699.25, 1702.0, 2499, 7)


def test_an_object_of_json_is_told_by_its_fields(tmp_path: pathlib.Path):
    path = tmp_path / "a"
    path.write_text(json.dumps({"status": "error", "message": "no such token"}))
    assert columns_of(path) == ("status", "message")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"a,b\n", "holds no rows"),
        (b'{"data": {"candles": []}}', "holds no rows"),
        (b"a,b\n1,2,3\n", "more fields"),
        (b"\x00\x01\x02\n\x03", "no text"),
        (b"PAR1 but no more of it", "cannot be read"),
        (gzip.compress(CSV, mtime=0)[:30], "cannot be read"),
        (b"PK\x03\x04 but no more of it", "cannot be read"),
        (b'{"data": ', "none"),
        (b'{"data": {"candles": [["x", 1, 1, 1, 1, 0], ["x", 1]]}}', "unequal length"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path: pathlib.Path, content: bytes, sentence: str):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=sentence) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_archive_of_several_files_is_refused(tmp_path: pathlib.Path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.writestr("b.csv", CSV)
    with pytest.raises(DataError, match="archive of 2 files: unpack it"):
        columns_of(path)


def test_a_fingerprint_is_of_the_content(tmp_path: pathlib.Path):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    first, same, other = (fingerprint(tmp_path / name) for name in "abc")
    assert first == same != other


def test_prices_in_32_bits_are_the_decimals_that_were_written(tmp_path: pathlib.Path):
    path, prices = tmp_path / "a.parquet", [2345.67, 2181.85, 0.05, 99_999.95, None]
    pl.DataFrame({"close": pl.Series(prices, dtype=pl.Float32)}).write_parquet(path)
    assert load(path)["close"].to_list() == prices
