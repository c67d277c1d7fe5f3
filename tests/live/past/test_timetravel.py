"""A moment of a session, as a notebook holds it: in rupees and IST where people read, in records where kernels do."""

import asyncio
import datetime
import pathlib

import numpy as np
import pytest

import alpha_panda
from alpha_panda.errors import LogError, RecoveryError
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.past.history import session_history
from alpha_panda.live.past.timetravel import Moment, replay_at, write_arrays
from alpha_panda.units import IST, ist_time_ns, parse_clock
from tests.live.trading import DATE, ROOT, SYMBOLS, ChoppedFeed, blueprint, morning, replayed, run_in

FOLDERS = [ROOT / "strategies"]
MOMENT = "2026-11-20T10:00"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return the state of a session of a morning."""
    state = tmp_path_factory.mktemp("session")
    asyncio.run(run_in(state, ChoppedFeed(morning(), seed=3)))
    return state


@pytest.fixture(scope="module")
def moment(state: pathlib.Path) -> Moment:
    return replay_at(state, MOMENT, FOLDERS)


def test_the_figures_are_those_of_a_replay_of_the_events_until_then(moment: Moment):
    past = morning()[morning()["time_ns"] <= ist_time_ns(DATE, parse_clock("10:00"))]
    assert moment.summary == replayed(past).summary()
    assert moment.time == datetime.datetime(2026, 11, 20, 10, tzinfo=IST)


def test_positions_are_in_rupees_and_add_up_to_the_account(moment: Moment):
    assert moment.positions.columns == [
        *("strategy", "symbol", "quantity", "average", "last", "unrealised", "realised", "charges"),
    ]
    assert len(moment.positions) > 0
    assert set(moment.positions["symbol"]) <= set(SYMBOLS)
    gain = moment.positions["quantity"] * (moment.positions["last"] - moment.positions["average"])
    assert gain.to_list() == pytest.approx(moment.positions["unrealised"].to_list())
    assert moment.positions["unrealised"].sum() == pytest.approx(moment.summary["unrealised"])


def test_decisions_are_the_last_ones_until_then(state: pathlib.Path, moment: Moment):
    everything = session_history(state, FOLDERS).decisions
    past = everything.filter(everything["time"].dt.epoch("ns") <= ist_time_ns(DATE, parse_clock("10:00")))
    assert 0 < len(moment.decisions) < len(everything)
    assert moment.decisions.equals(past.tail(20))


def test_orders_at_work_are_there_between_decision_and_fill(state: pathlib.Path, moment: Moment):
    """An order is made when its bar closes, and fills at the next tick."""
    decided = moment.decisions["time"][-1]
    working = replay_at(state, decided, FOLDERS).orders
    assert working["strategy"].to_list() == [moment.decisions["strategy"][-1]]
    assert working["status"].to_list() == ["working"]
    assert working["time"].to_list() == [decided]
    assert len(moment.orders) == 0


def test_the_arrays_are_those_of_the_kernels_and_go_to_a_file(moment: Moment, tmp_path: pathlib.Path):
    stage = blueprint().signal_stage()
    stage.advance(morning()[morning()["time_ns"] <= ist_time_ns(DATE, parse_clock("10:00"))])
    states = moment.arrays["signals.0.momentum.states"]
    assert states.tobytes() == stage.arrays()["momentum.states"].tobytes()
    assert moment.arrays["account.books"]["quantity"].sum() == moment.positions["quantity"].sum()
    write_arrays(moment, tmp_path / "arrays.npz")
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as file:
        assert sorted(file.files) == sorted(moment.arrays)
        assert file["signals.0.momentum.states"].dtype.names == states.dtype.names
        assert all(file[name].tobytes() == array.tobytes() for name, array in moment.arrays.items())


def test_a_moment_is_named_by_its_frame_or_its_instant(state: pathlib.Path):
    by_frame = alpha_panda.replay_at(state, "frame:3", FOLDERS)
    assert by_frame.frame == 3
    assert replay_at(state, by_frame.time, FOLDERS).state_digest == by_frame.state_digest


def test_where_no_session_has_begun_nothing_comes_back(tmp_path: pathlib.Path):
    with pytest.raises(LogError):
        replay_at(tmp_path / "nowhere", MOMENT)

    async def nothing() -> None:
        async with SqliteLog(tmp_path):
            pass

    asyncio.run(nothing())
    with pytest.raises(RecoveryError, match="no session has begun in"):
        replay_at(tmp_path, MOMENT)
