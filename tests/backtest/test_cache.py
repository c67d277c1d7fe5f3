"""Answers that are kept: the bytes of those that are not, and asked anew when anything they depend on changes."""

import datetime
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest import cache, contents, kept
from alpha_panda.backtest.cache import cached_run, cached_sweep
from alpha_panda.backtest.run import run
from alpha_panda.backtest.sweep import sweep
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.synthetic import synthetic_bars
from alpha_panda.errors import ConfigurationError
from alpha_panda.kernels import Parameter, kernel
from tests.backtest.conftest import Market
from tests.backtest.questions import filled_catalog, notebook_strategy, question, small_market, strategy_file

GRID = {"fast": [3, 5, 9], "slow": [10, 20, 40]}


@pytest.fixture(autouse=True)
def fresh(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    """Work in an empty folder, with nothing in memory."""
    monkeypatch.chdir(tmp_path)
    cache.forget()


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many events each run passed that was not answered from memory, as they come."""
    passed: list[int] = []
    replay = cache.replay

    def counted(inputs: Any, *arguments: Any) -> Any:
        passed.append(len(inputs.events))
        return replay(inputs, *arguments)

    monkeypatch.setattr(cache, "replay", counted)
    return passed


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[Any, ...]]]:
    """Return the combinations of each sweep that was not answered from what is kept, as they come."""
    asked: list[list[tuple[Any, ...]]] = []
    sweep_inputs = cache.sweep_inputs

    def counted(inputs: Any, combinations: pl.DataFrame, **how: Any) -> Any:
        asked.append(combinations.rows())
        return sweep_inputs(inputs, combinations, **how)

    monkeypatch.setattr(cache, "sweep_inputs", counted)
    return asked


def same(one: Any, other: Any) -> bool:
    records = ("decisions", "orders", "fills", "snapshots")
    return (
        one.summary == other.summary
        and one.account.tobytes() == other.account.tobytes()
        and one.books.tobytes() == other.books.tobytes()
        and all(getattr(one.work, name).tobytes() == getattr(other.work, name).tobytes() for name in records)
        and one.events.tobytes() == other.events.tobytes()
    )


# ── Runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_is_answered_from_memory_with_the_same_bytes(weeks: Market, replays: list[int]):
    universe, events = weeks
    asked: dict[str, Any] = {"question": question(), "events": events, "universe": universe}
    once, again = cached_run(**asked), cached_run(**asked)
    assert replays == [len(events)]
    assert same(once, again)
    assert same(once, run(**asked))
    assert once.summary["fills"] > 0


def test_an_answer_from_memory_knows_the_trials_since(weeks: Market, replays: list[int]):
    universe, events = weeks
    asked: dict[str, Any] = {"events": events, "universe": universe}
    before = cached_run(question(), **asked)
    sweep(question(), grid={"fast": [201, 202, 203]}, **asked)
    after = cached_run(question(), **asked)
    assert after.trials.count == before.trials.count + 3
    assert after.stats["# Trials"] == after.trials.count
    assert cached_run(question(), **asked) is after
    assert len(replays) == 1


def test_an_answer_cannot_be_changed_by_whoever_was_given_it(weeks: Market):
    universe, events = weeks
    result = cached_run(question(), events=events, universe=universe)
    for array in (result.events, result.account, result.books, result.quotes, result.work.fills):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def changed_price(events: Any) -> Any:
    other = events.copy()
    bar = np.flatnonzero(other["volume"] > 0)[-1]
    other["volume"][bar] += 1
    return other


@pytest.mark.parametrize(
    "change",
    [
        lambda asked: asked | {"question": question(capital=2_000_000)},
        lambda asked: asked | {"question": question({"parameters": {"fast": 21}})},
        lambda asked: asked | {"question": question({"strategy": strategy_file("ema_cross")})},
        lambda asked: asked | {"events": changed_price(asked["events"])},
        lambda asked: asked | {"trade_from": "2026-11-09"},
        lambda asked: asked | {"first": datetime.date(2026, 11, 9)},
    ],
    ids=["capital", "parameter", "strategy", "event", "warm-up", "range"],
)
def test_another_question_is_run(weeks: Market, replays: list[int], change: Callable[[dict[str, Any]], dict[str, Any]]):
    asked: dict[str, Any] = {"question": question(), "universe": weeks[0], "events": weeks[1]}
    cached_run(**asked)
    other = change(asked)
    assert same(cached_run(**other), run(**other))
    assert len(replays) == 2


def test_an_array_that_was_written_to_is_run_again(weeks: Market, replays: list[int]):
    universe, events = weeks[0], weeks[1].copy()
    before = cached_run(question(), events=events, universe=universe).events.tobytes()
    events["volume"][np.flatnonzero(events["volume"] > 0)[0]] += 1
    assert cached_run(question(), events=events, universe=universe).events.tobytes() != before
    assert len(replays) == 2


def test_an_edited_strategy_is_run_again(weeks: Market, replays: list[int], tmp_path: pathlib.Path):
    path, source = tmp_path / "cross.py", pathlib.Path(strategy_file("sma_cross")).read_text()
    asked: dict[str, Any] = {"question": question({"strategy": str(path)}), "universe": weeks[0], "events": weeks[1]}
    path.write_text(source)
    cached_run(**asked)
    path.write_text(f"{source}\n# A remark changes nothing.\n")
    cached_run(**asked)
    assert len(replays) == 1
    path.write_text(source.replace("1.0 if", "0.5 if"))
    assert same(cached_run(**asked), run(**asked))
    assert len(replays) == 2


def test_another_default_of_a_notebook_strategy_is_run_again(replays: list[int]):
    @kernel
    def hold(state: Any, params: Any, bar: Any) -> float:
        return params.target

    universe, events = small_market(500, 501, 502)
    for target in (0.5, 1.0):
        strategies = {"hold": notebook_strategy("hold", hold, target=Parameter(target, 0.0, 1.0))}
        cached_run(question({"strategy": "hold"}), events=events, universe=universe, strategies=strategies)
    assert len(replays) == 2


def test_another_version_of_the_package_is_run_again(
    weeks: Market, replays: list[int], monkeypatch: pytest.MonkeyPatch
):
    universe, events = weeks
    for version in ("one", "other"):
        monkeypatch.setattr(contents, "_package_digest", lambda version=version: version)
        cached_run(question(), events=events, universe=universe)
    assert len(replays) == 2


def test_the_package_is_known_by_every_source_and_by_its_calendars(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "backtest").mkdir()
    (tmp_path / "calendars.toml").write_text("closed = []")
    monkeypatch.setattr(contents, "__file__", str(tmp_path / "backtest" / "contents.py"))
    contents._package_digest.cache_clear()
    before = contents._package_digest()
    assert contents._package_digest() == before
    (tmp_path / "calendars.toml").write_text("closed = [1]")
    assert contents._package_digest() == before  # what this process runs is what it loaded
    contents._package_digest.cache_clear()
    assert contents._package_digest() != before
    contents._package_digest.cache_clear()


def test_memory_forgets_what_was_not_asked_for_the_longest():
    memory: kept.Memory[str] = kept.Memory(100)
    for key in "abc":
        memory.put(key, key.upper(), 40)
    assert [memory.get(key) for key in "abc"] == [None, "B", "C"]
    memory.get("b")
    memory.put("d", "D", 40)
    assert [memory.get(key) for key in "bcd"] == ["B", None, "D"]
    memory.put("b", "small", 10)
    memory.put("e", "E", 50)
    assert len(memory) == 3
    memory.put("f", "too large", 101)
    assert len(memory) == 0


# ── Catalogs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_catalog_is_read_and_hashed_once_until_a_file_changes(
    tmp_path: pathlib.Path, replays: list[int], monkeypatch: pytest.MonkeyPatch
):
    read: list[int] = []
    reading = Catalog.events

    def counted(self: Catalog, *arguments: Any) -> Any:
        read.append(1)
        return reading(self, *arguments)

    monkeypatch.setattr(Catalog, "events", counted)
    universe, events = synthetic_bars(datetime.date(2026, 11, 2), datetime.date(2026, 11, 6), 7, ("SIM:LOTUS",))
    later = synthetic_bars(datetime.date(2026, 11, 9), datetime.date(2026, 11, 9), 7, ("SIM:LOTUS",))
    filled_catalog(tmp_path / "data", "1m", universe, events)
    first = cached_run(question())
    assert cached_run(question(), data=Catalog(tmp_path / "data")) is first
    other = cached_run(question({"parameters": {"fast": 7}}))
    assert len(read) == 1
    assert len(replays) == 2
    assert other.events.base is first.events.base
    assert not first.events.flags.writeable
    filled_catalog(tmp_path / "data", "1m", *later)
    assert len(cached_run(question()).events) > len(first.events)
    assert len(read) == 2


# ── Sweeps ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sweep_is_answered_with_the_same_bytes_from_memory_and_from_disk(weeks: Market, swept: list[Any]):
    asked: dict[str, Any] = {"question": question(), "grid": GRID, "universe": weeks[0], "events": weeks[1]}
    truth = sweep(**asked)
    assert cached_sweep(**asked).equals(truth, null_equal=True)
    assert cached_sweep(**asked).equals(truth, null_equal=True)
    cache.forget()  # as another process would find it
    answer = cached_sweep(**asked)
    assert answer.equals(truth, null_equal=True)
    assert answer.schema == truth.schema
    assert len(swept) == 1


def test_a_range_that_is_dragged_runs_only_what_is_new(weeks: Market, swept: list[Any]):
    asked: dict[str, Any] = {"question": question(), "universe": weeks[0], "events": weeks[1]}
    cached_sweep(**asked, grid={"fast": range(2, 6), "slow": [20, 30]})
    moved = {"fast": range(3, 7), "slow": [30, 20]}
    assert cached_sweep(**asked, grid=moved).equals(sweep(**asked, grid=moved), null_equal=True)
    assert [len(rows) for rows in swept] == [8, 2]
    assert swept[1] == [(6, 30, 0), (6, 20, 0)]
    assert cached_sweep(**asked, grid=moved, where="fast > 4").height == 4
    assert len(swept) == 2


def test_a_combination_is_the_same_whoever_sets_its_parameters(weeks: Market, swept: list[Any]):
    asked: dict[str, Any] = {"universe": weeks[0], "events": weeks[1]}
    cached_sweep(question(), grid={"fast": [3, 5], "slow": [30], "allow_short": [0]}, **asked)
    other = question({"parameters": {"slow": 30}})
    answer = cached_sweep(other, grid={"fast": [5, 3]}, **asked)
    assert answer.equals(sweep(other, grid={"fast": [5, 3]}, **asked), null_equal=True)
    assert len(swept) == 1


def test_another_profile_is_swept(weeks: Market, swept: list[Any]):
    asked: dict[str, Any] = {"grid": GRID, "universe": weeks[0], "events": weeks[1]}
    for terms in ({}, {"guards": {"stop_loss": 0.01}}):
        answer = cached_sweep(question(terms), **asked)
        assert answer.equals(sweep(question(terms), **asked), null_equal=True)
    assert len(swept) == 2


def test_a_file_that_cannot_be_read_is_swept_again(weeks: Market, swept: list[Any], tmp_path: pathlib.Path):
    asked: dict[str, Any] = {"question": question(), "grid": GRID, "universe": weeks[0], "events": weeks[1]}
    truth = cached_sweep(**asked)
    (path,) = tmp_path.glob("backtest/results/cache/*/*.parquet")
    path.write_bytes(path.read_bytes()[:100])
    cache.forget()
    assert cached_sweep(**asked).equals(truth, null_equal=True)
    assert len(swept) == 2


def test_the_oldest_files_make_room(weeks: Market, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    asked: dict[str, Any] = {"question": question(), "universe": weeks[0], "events": weeks[1]}
    cached_sweep(**asked, grid={"fast": [2, 3]})
    (oldest,) = tmp_path.glob("backtest/results/cache/*/*.parquet")
    monkeypatch.setattr(kept, "ROWS_BYTES_MAX", 2 * oldest.stat().st_size + 100)
    for fast in (4, 5, 6):
        cached_sweep(**asked, grid={"fast": [fast, fast + 10]})
    left = list(tmp_path.glob("backtest/results/cache/*/*.parquet"))
    assert len(left) == 2
    assert oldest not in left


def test_a_folder_that_cannot_be_written_costs_no_answer(weeks: Market, tmp_path: pathlib.Path):
    (tmp_path / "backtest").write_text("a file where the folder would be")
    asked: dict[str, Any] = {"question": question(), "grid": GRID, "universe": weeks[0], "events": weeks[1]}
    assert cached_sweep(**asked).equals(sweep(**asked), null_equal=True)


def test_what_is_wrong_is_said_as_without_the_cache(weeks: Market):
    universe, events = weeks
    with pytest.raises(ConfigurationError, match="has no parameter 'fats'"):
        cached_sweep(question(), grid={"fats": [3]}, events=events, universe=universe)
    with pytest.raises(ConfigurationError, match="events and universe belong together"):
        cached_run(question(), events=events)
    with pytest.raises(ConfigurationError, match="there is no folder"):
        cached_sweep(question(), grid=GRID, events=events, universe=universe, into="absent/rows.csv")


def test_rows_of_a_sweep_that_is_kept_go_into_a_file_as_well(weeks: Market, tmp_path: pathlib.Path):
    asked: dict[str, Any] = {"question": question(), "grid": GRID, "universe": weeks[0], "events": weeks[1]}
    rows = cached_sweep(**asked, into=tmp_path / "rows.parquet")
    assert pl.read_parquet(tmp_path / "rows.parquet").equals(rows, null_equal=True)
