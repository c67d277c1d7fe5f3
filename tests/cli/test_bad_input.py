"""Bad input, through the command line: one clear sentence, the right exit code, and never a traceback or a result."""

import datetime
import pathlib
import re
import sqlite3

import polars as pl
import pytest

from tests.cli.conftest import ROOT, WAVES, Answer, Command, MinuteFile, WrittenProfile

CONFIGURATION, STRATEGY, DATA, LOG, RECOVERY, FILE = 2, 3, 4, 6, 7, 74  # exit codes, as in errors.py and terminal.py


def assert_refused(answer: Answer, code: int, sentence: str):
    """Assert that a command refused in one last sentence that matches `sentence`, and has no result."""
    assert re.fullmatch(f"error: .*{sentence}.*", answer.complaint.splitlines()[-1]), answer.complaint
    assert answer.complaint.count("error") == 1
    assert (answer.code, answer.output) == (code, "")


# ── Profiles and strategies ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        ({"risk": "colar = 0.02"}, CONFIGURATION, r"unknown key risk\.colar \(did you mean 'collar'\?\)"),
        ({"risk": "[rsk]"}, CONFIGURATION, r"unknown key rsk \(did you mean 'risk'\?\)"),
        ({"risk": "collar = "}, CONFIGURATION, "is not valid TOML"),
        ({"risk": "collar = nan"}, CONFIGURATION, r"risk\.collar: .*got nan"),
        ({"risk": 'collar = "2 %"'}, CONFIGURATION, r"risk\.collar: .*got '2 %'"),
        ({"interval": '"90"'}, CONFIGURATION, "'90' is not a bar interval"),
        ({"interval": '"30s"'}, CONFIGURATION, "wants bars of 30 s, finer than the data's 60 s"),
        ({"strategy": '"sma_cros"'}, STRATEGY, r"there is no strategy 'sma_cros' \(did you mean 'sma_cross'\?\)"),
        ({"strategy": '"absent.py"'}, STRATEGY, "there is no strategy file absent.py"),
        (
            {"parameters": "{ fast = 2.5 }"},
            CONFIGURATION,
            "'fast' of strategy sma_cross must be a whole number, not 2.5",
        ),
        ({"parameters": '{ fast = "two" }'}, CONFIGURATION, "fast.*valid integer, got 'two'"),
        (
            {"parameters": "{ fast = 0 }"},
            CONFIGURATION,
            r"'fast' of strategy sma_cross is 0: it must lie in \[1, 512\]",
        ),
        ({"parameters": "{ quick = 2 }"}, CONFIGURATION, "strategy sma_cross has no parameter 'quick'"),
    ],
)
def test_a_wrong_profile_is_refused(
    command: Command,
    catalog: pathlib.Path,
    profile: WrittenProfile,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    code: int,
    sentence: str,
):
    monkeypatch.chdir(ROOT)
    assert_refused(command("backtest", profile(**changes), "--data", catalog), code, sentence)


def test_an_absent_profile_is_refused(command: Command, tmp_path: pathlib.Path):
    assert_refused(command("backtest", tmp_path / "absent.toml"), CONFIGURATION, "there is no file .*absent.toml")
    assert_refused(command("live", tmp_path / "absent.toml"), CONFIGURATION, "there is no file .*absent.toml")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def step(", "failed while loading: SyntaxError"),
        ("import sys; sys.exit(0)", "failed while loading: SystemExit: 0"),
        ("import absent_module", "failed while loading: ModuleNotFoundError"),
        ("def other(): pass", "must define exactly one of step"),
    ],
)
def test_a_broken_strategy_is_refused(
    command: Command,
    catalog: pathlib.Path,
    profile: WrittenProfile,
    tmp_path: pathlib.Path,
    source: str,
    sentence: str,
):
    (tmp_path / "broken.py").write_text(source)
    path = profile(strategy=f'"{tmp_path / "broken.py"}"')
    assert_refused(command("backtest", path, "--data", catalog), STRATEGY, sentence)


# ── What is asked of the catalog ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--instruments", "NSE:AAAA"], DATA, r"NSE:AAAA is not in the catalog; did you mean NSE:AAA\?"),
        (["--from", "2025-01-07"], DATA, "holds no 1m data from 2025-01-07"),
        (["--from", "2025-01-07", "--to", "2025-01-06"], CONFIGURATION, "is empty"),
        (["--from", "31/02/2024"], CONFIGURATION, "'31/02/2024' is no date: write it as 2024-04-22"),
        (["--instruments", ""], CONFIGURATION, "no symbol is named"),
        (["--resolution", "tick"], DATA, "holds no tick data"),
        (["--resolution", "5m"], CONFIGURATION, '"5m"'),
        (["--colour"], CONFIGURATION, "Unknown option: --colour"),
    ],
)
def test_what_the_catalog_does_not_hold_is_refused(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, options: list[str], code: int, sentence: str
):
    assert_refused(command("backtest", profile(), "--data", catalog, *options), code, sentence)


def test_an_index_is_not_traded(
    command: Command, catalog: pathlib.Path, minute_file: MinuteFile, profile: WrittenProfile
):
    command("data", "ingest", minute_file(WAVES, "NIFTY 50"), "--data", catalog)
    answer = command("backtest", profile(), "--data", catalog, "--instruments", "NSE:NIFTY 50")
    assert_refused(answer, CONFIGURATION, "NSE:NIFTY 50 is an index, which nobody can trade")


def test_a_catalog_that_is_a_file_or_lies_in_one_is_refused(
    command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path
):
    path = minute_file([100.0])
    assert_refused(command("data", "ingest", path, "--data", path), DATA, "is a file, but a catalog is a folder")
    answer = command("data", "ingest", path, "--data", path / "below")
    assert_refused(answer, FILE, "cannot be used: Not a directory")


def test_a_sweep_without_a_sample_has_no_seed_and_without_workers_no_end(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile
):
    sweep = ("sweep", profile(), "--data", catalog, "--set", "fast=2:4")
    assert_refused(command(*sweep, "--seed", "3"), CONFIGURATION, "a seed chooses a sample, and none is asked for")
    assert_refused(command(*sweep, "--workers", "0"), CONFIGURATION, "--workers")


def test_an_empty_catalog_is_refused(command: Command, profile: WrittenProfile, tmp_path: pathlib.Path):
    assert_refused(command("backtest", profile(), "--data", tmp_path / "none"), DATA, "is empty: fill it with")
    assert_refused(command("sweep", profile(), "--set", "fast=2:4", "--data", tmp_path / "none"), DATA, "is empty")


# ── What is in the data ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("price", [float("nan"), 0.0, -1.0, float("inf"), float("-inf"), 1e9])
def test_an_impossible_price_is_kept_out_and_counted(
    command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path, price: float
):
    answer = command("data", "ingest", minute_file([100.0, price, 101.0]), "--data", tmp_path / "data", "--json")
    assert (answer.code, answer.json["written"]) == (0, 2)
    assert answer.json["quarantined"] == {"price missing, not positive or absurd": 1}


def test_a_repeated_bar_is_kept_out_and_counted(command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path):
    path = minute_file([100.0, 101.0])
    bars = pl.read_parquet(path)
    pl.concat([bars, bars.tail(1)]).write_parquet(path)
    answer = command("data", "ingest", path, "--data", tmp_path / "data", "--json")
    assert (answer.code, answer.json["written"], answer.json["quarantined"]) == (0, 2, {"duplicate": 1})


def test_a_tick_that_goes_back_in_time_is_kept_out_and_counted(command: Command, tmp_path: pathlib.Path):
    times = [datetime.datetime(2025, 1, 6, 10, 0, second) for second in (1, 3, 2)]  # noqa: DTZ001  # no zone means IST
    columns = {"symbol": "AAA", "timestamp": times, "ltp": [100.0, 100.1, 100.2], "cum_volume": [10, 20, 30]}
    pl.DataFrame(columns).write_parquet(tmp_path / "ticks.parquet")
    answer = command("data", "ingest", tmp_path / "ticks.parquet", "--data", tmp_path / "data", "--json")
    assert (answer.code, answer.json["written"]) == (0, 2)
    assert answer.json["quarantined"] == {"older than a row before it": 1}


def test_a_symbol_too_long_for_a_file_is_kept_out_and_counted(command: Command, tmp_path: pathlib.Path):
    rows = f"symbol,timestamp,open,high,low,close,volume\n{'A' * 300},2025-01-06 09:15,1,1,1,1,1\n"
    (tmp_path / "long.csv").write_text(rows)
    answer = command("data", "ingest", tmp_path / "long.csv", "--data", tmp_path / "data", "--json")
    assert (answer.code, answer.json["quarantined"]) == (0, {"symbol missing or malformed": 1})


def test_a_column_mapped_twice_is_refused(command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path):
    mapped = ("--column", "open=open", "--column", "open=high")
    answer = command("data", "ingest", minute_file([100.0]), "--data", tmp_path / "data", *mapped)
    assert_refused(answer, CONFIGURATION, "the column open is mapped twice, to open and to high")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[]", "holds neither columns nor rows"),
        (
            "timestamp,open,high,low,close,volume\n2025-01-06 09:15,1,1,1,1,1,7,8\n",
            "more fields than defined in 'Schema'$",
        ),
        (
            "timestamp,open,high,low,close,volume\n2025-01-06T03:45:00+05:30,1,1,1,1,1\n",
            "they are of UTC, although they name another zone: correct them in the file",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    command: Command, tmp_path: pathlib.Path, content: str, sentence: str
):
    (tmp_path / "given.csv").write_text(content)
    answer = command("data", "ingest", tmp_path / "given.csv", "--data", tmp_path, "--symbol", "AAA", "--zone", "UTC")
    assert_refused(answer, DATA, sentence)


def test_a_file_of_no_known_kind_is_refused(command: Command, tmp_path: pathlib.Path):
    (tmp_path / "notes.parquet").write_text("not Parquet at all")
    pl.DataFrame({"weather": ["fine"]}).write_parquet(tmp_path / "weather.parquet")
    ingest = ("data", "ingest", "--data", tmp_path / "data")
    assert_refused(command(*ingest, tmp_path / "notes.parquet"), DATA, "has the columns not_parquet_at_all, which are")
    assert_refused(
        command(*ingest, tmp_path / "weather.parquet"), DATA, "has the columns weather, which are those of no"
    )
    assert_refused(command(*ingest, tmp_path / "absent"), DATA, "absent does not exist")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (pl.col("close_e4") * 0, "a price is not positive"),
        (-pl.col("close_e4"), "a price is not positive"),
        (pl.col("close_e4") * 10**6, "a price is above one crore rupees"),
        (pl.col("close_e4") * 2, "open and close do not lie between low and high"),
        (-pl.col("volume"), "its volume is negative"),
        (pl.col("time_ns").min(), "already has a bar of this time"),
        (pl.col("time_ns") - 12 * 3_600 * 10**9, "when NSE_EQ is closed"),
    ],
)
def test_a_damaged_catalog_is_refused_and_the_place_named(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, damage: pl.Expr, sentence: str
):
    path = catalog / "bars" / "1m" / "NSE" / "AAA.parquet"
    pl.read_parquet(path).with_columns(damage).write_parquet(path)
    assert_refused(command("backtest", profile(), "--data", catalog), DATA, f"NSE:AAA .*{sentence}")


# ── Recorded sessions ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def state(command: Command, catalog: pathlib.Path, profile: WrittenProfile, tmp_path: pathlib.Path) -> pathlib.Path:
    """Return the state directory of a session over the catalog."""
    assert command("live", profile(), *replay_of(catalog), "--state", tmp_path / "state", "--json").code == 0
    return tmp_path / "state"


def replay_of(catalog: pathlib.Path) -> tuple[object, ...]:
    return ("--feed", "replay", "--data", catalog, "--resolution", "1m", "--speed", "max")


def test_a_corrupt_log_record_is_refused_and_located(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, state: pathlib.Path
):
    with sqlite3.connect(state / "log.db") as log:
        longest = "SELECT place FROM records ORDER BY length(value) DESC LIMIT 1"
        log.execute(f"UPDATE records SET value = zeroblob(length(value)) WHERE place = ({longest})")
    log.close()
    located = r"market\.ticks.*offset"
    assert_refused(command("verify", "--state", state), LOG, located)
    assert_refused(command("live", profile(), *replay_of(catalog), "--state", state, "--json"), LOG, located)


def test_a_log_that_is_none_is_refused(command: Command, state: pathlib.Path, tmp_path: pathlib.Path):
    (state / "log.db").write_bytes(b"not a database" * 1_000)
    assert_refused(command("verify", "--state", state), LOG, "log.db")
    assert_refused(command("verify", "--state", tmp_path / "absent"), LOG, "there is no event log in")


def test_a_session_resumed_with_another_profile_is_refused(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, state: pathlib.Path
):
    other = profile(parameters="{ fast = 3, slow = 9 }")
    answer = command("live", other, *replay_of(catalog), "--state", state, "--json")
    assert_refused(answer, RECOVERY, "was begun with")


def test_a_session_resumed_with_other_data_is_refused(
    command: Command, catalog: pathlib.Path, minute_file: MinuteFile, profile: WrittenProfile, state: pathlib.Path
):
    command("data", "ingest", minute_file([price + 1 for price in WAVES], "BBB"), "--data", catalog)
    answer = command("live", profile(), *replay_of(catalog), "--state", state, "--json")
    assert_refused(answer, RECOVERY, "was begun with")


def test_a_speed_that_is_none_is_refused(command: Command, catalog: pathlib.Path, profile: WrittenProfile):
    answer = command("live", profile(), *replay_of(catalog)[:-1], "quick")
    assert_refused(answer, CONFIGURATION, "'quick' is not a speed")
