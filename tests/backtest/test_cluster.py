"""A sweep on a Ray cluster of two processors: the same frame as on threads, and what may go wrong on the way."""

import os
import socket
import subprocess
import sys
from collections.abc import Generator
from typing import Any

import pytest

from alpha_panda.backtest.sweep import sweep
from alpha_panda.errors import ConfigurationError, StrategyError
from alpha_panda.kernels import Parameter, kernel
from tests.backtest.conftest import Market
from tests.backtest.questions import ROOT, notebook_strategy, question, small_market

# Ray starts processes, each of which imports and compiles what it needs.
pytestmark = pytest.mark.timeout(300)

GRID = {"fast": [3, 5, 9], "slow": [10, 20, 40, 50]}


@pytest.fixture(scope="module")
def ray() -> Generator[Any]:
    """Be in a local cluster of two processors, in which the sweeps of this module find themselves."""
    made = pytest.importorskip("ray", reason="needs Ray: pip install 'alpha-panda[cluster]'")
    made.init("local", num_cpus=2, include_dashboard=False, object_store_memory=128 << 20, log_to_driver=False)
    yield made
    made.shutdown()


def test_a_cluster_is_started_where_there_is_none_and_stopped_again(monkeypatch: pytest.MonkeyPatch):
    ray = pytest.importorskip("ray", reason="needs Ray: pip install 'alpha-panda[cluster]'")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert not ray.is_initialized()
    universe, events = small_market(*[500, 503, 501] * 20)
    asked: dict[str, Any] = {"question": question(), "grid": GRID, "events": events, "universe": universe}
    assert sweep(**asked, engine="ray", workers=1).equals(sweep(**asked), null_equal=True)
    assert not ray.is_initialized()


def test_a_cluster_that_cannot_be_reached_is_named_without_delay():
    universe, events = small_market(500, 501, 502)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # taken, and nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match=f"^the Ray cluster at {address} cannot be reached: "):
            sweep(question(), grid={"fast": [3]}, events=events, universe=universe, engine="ray", address=address)


@kernel
def _twice(bar):
    return 2.0 * bar.close_e4


@kernel
def _above_level(state, params, bar):
    return 1.0 if _twice(bar) > params.level else 0.0


@pytest.mark.usefixtures("ray")
def test_a_sweep_on_a_cluster_equals_one_on_threads(weeks: Market):
    universe, events = weeks
    asked: dict[str, Any] = {"question": question(), "grid": GRID, "events": events, "universe": universe}
    told: list[tuple[int, int]] = []
    on_cluster = sweep(**asked, engine="ray", chunk=2, progress=lambda *done: told.append(done))
    assert on_cluster.equals(sweep(**asked), null_equal=True)
    assert on_cluster["fills"].min() > 0
    assert told == [(done, 12) for done in range(2, 13, 2)]


@pytest.mark.usefixtures("ray")
def test_a_strategy_of_a_notebook_travels_with_what_it_uses():
    universe, events = small_market(*[500, 503, 501] * 20)
    level = notebook_strategy("level", _above_level, level=Parameter(0.0, 0.0, 2e9))
    asked: dict[str, Any] = {
        "question": question({"strategy": "level"}),
        "grid": {"level": [1.0005e7, 1.003e7, 2e7]},
        "events": events,
        "universe": universe,
        "strategies": {"level": level},
    }
    on_cluster = sweep(**asked, engine="ray")
    assert on_cluster.equals(sweep(**asked), null_equal=True)
    assert on_cluster["fills"].n_unique() > 1


def test_what_progress_raises_ends_the_sweep_and_leaves_the_cluster(ray: Any, weeks: Market):
    universe, events = weeks
    asked: dict[str, Any] = {"question": question(), "events": events, "universe": universe, "engine": "ray"}
    told: list[int] = []

    def cancel(done: int, total: int) -> None:
        told.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(**asked, grid=GRID, chunk=1, progress=cancel)
    assert told == [1]
    assert ray.is_initialized()
    assert len(sweep(**asked, grid={"fast": [3]})) == 1


@pytest.mark.usefixtures("ray")
def test_an_error_on_the_cluster_is_the_one_that_it_would_be_here(weeks: Market):
    @kernel
    def beyond(state: Any, params: Any, bar: Any) -> float:
        return params.target

    universe, events = small_market(500, 501, 502)
    with pytest.raises(StrategyError, match=r"^strategy s0 returned a target outside \[-1, 1\]"):
        sweep(
            question({"strategy": "reckless"}),
            grid={"target": [0.5, 1.5]},
            events=events,
            universe=universe,
            strategies={"reckless": notebook_strategy("reckless", beyond, target=Parameter(0.0, 0.0, 2.0))},
            engine="ray",
        )


@pytest.mark.usefixtures("ray")
def test_the_address_of_a_cluster_comes_from_the_environment(ray: Any):
    address = ray.get_runtime_context().gcs_address
    # A process of its own, for this one is in the cluster already.
    script = "from tests.backtest.test_cluster import elsewhere; elsewhere()"
    environment = {**os.environ, "RAY_ADDRESS": address}
    command = [sys.executable, "-c", script]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert answer.stdout.strip() == f"4 rows at {address}, then False"


def elsewhere() -> None:
    """Sweep on the cluster of RAY_ADDRESS, and print where that was and whether this process is still in it."""
    import ray

    universe, events = small_market(*[500, 503, 501] * 20)
    grid, places = {"fast": [3, 5], "slow": [10, 20]}, set[str]()

    def note(done: int, total: int) -> None:
        places.add(ray.get_runtime_context().gcs_address)

    rows = sweep(question(), grid=grid, events=events, universe=universe, engine="ray", progress=note)
    print(f"{len(rows)} rows at {places.pop()}, then {ray.is_initialized()}")  # noqa: T201  # read by the test


def test_without_ray_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    universe, events = small_market(500, 501, 502)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigurationError, match=r"Ray, which is not installed: pip install 'alpha-panda\[cluster\]'"):
        sweep(question(), grid={"fast": [3]}, events=events, universe=universe, engine="ray")
