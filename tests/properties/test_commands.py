"""Whatever people command and whenever: nothing leaves a killed account, a flattened one ends flat."""

import datetime
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.chain import AccountStage, Work, snapshot_bytes
from alpha_panda.kernels import risk
from alpha_panda.kernels.records import CANCELLED, HALTED, KILLED, NO_GUARD, REFUSED, WORKING, Records
from tests.market import Command, tick, together, trade
from tests.streams import UNIVERSE, Stream, any_stream

some = settings(deadline=None, max_examples=40)
any_seed = st.integers(0, 2**32)
WORDS = ("pause", "resume", "flatten", "kill", "reset", "reset")
STRATEGIES = ("one", "two")
WEDNESDAY = datetime.date(2024, 4, 24)


def any_commands(seed: int, stream: Stream) -> list[Command]:
    """Return some commands at rows of the stream, several at a row now and then."""
    random = np.random.default_rng(seed + 1)
    count = int(random.integers(1, 25))
    at = np.sort(random.integers(0, len(stream.events) + 1, count)) // 3 * 3
    words = random.choice(WORDS, count)
    named = random.choice(["", "", *STRATEGIES], count)
    return [
        (int(row), str(word), "" if word == "kill" else str(name))
        for row, word, name in zip(at, words, named, strict=True)
    ]


class Moment(NamedTuple):
    """One event with its signals, or one command, and what the account did."""

    command: str
    before: dict[str, Records]
    work: Work


class Floor:
    """An account that is driven through a stream and commanded on the way, and what is in force as people know it."""

    def __init__(self, seed: int, stream: Stream | None = None, commands: list[Command] | None = None):
        self.stream = stream or any_stream(seed)
        self.commands = any_commands(seed, self.stream) if commands is None else commands
        self.stage = AccountStage(self.stream.terms, UNIVERSE)
        self.killed = False
        self.paused: set[str] = set()

    def moments(self) -> Iterator[Moment]:
        """Yield each moment after it has happened."""
        events, signals = self.stream.events, self.stream.signals
        for row in range(len(events) + 1):
            for _, command, strategy in (each for each in self.commands if each[0] == row):
                self._note(command, strategy)
                before, time_ns = self._state(), int(events["time_ns"][row - 1]) if row else 0
                yield Moment(command, before, self.stage.command(command, strategy, time_ns))
            if row < len(events):
                yield Moment("", self._state(), self.stage.advance(events, signals, row, row + 1))

    def _note(self, command: str, strategy: str) -> None:
        if command == "kill" or (command == "reset" and not strategy):
            self.killed = command == "kill"
        if command in ("pause", "flatten"):
            self.paused.add(strategy)
        if command == "resume":
            self.paused.discard(strategy)

    def _state(self) -> dict[str, Records]:
        return {name: array.copy() for name, array in self.stage.arrays().items()}


def made(orders: Records) -> Records:
    """Return the orders that were placed, each as it was then."""
    return orders[(orders["status"] == WORKING) & (orders["filled"] == 0)]


@some
@given(any_seed)
def test_nothing_leaves_or_fills_while_the_account_is_killed(seed: int):
    floor = Floor(seed)
    for moment in floor.moments():
        account: Any = floor.stage.account
        assert (account["state"] == KILLED) == floor.killed
        if floor.killed:
            assert not len(made(moment.work.orders))
            assert not len(moment.work.fills)
            assert account["orders_working"] == 0
            assert not floor.stage.books["working"].any()
            assert (floor.stage.books["quantity"] == moment.before["books"][0]["quantity"]).all()
            assert (moment.work.decisions["verdict"] == REFUSED).all()


@some
@given(any_seed)
def test_a_kill_cancels_every_order_at_work_in_the_order_in_which_they_were_made(seed: int):
    for moment in Floor(seed).moments():
        if moment.command == "kill":
            working = moment.before["orders"][0, : moment.before["accounts"]["orders_working"][0]]
            assert moment.work.orders["order_id"].tolist() == working["order_id"].tolist()
            assert (moment.work.orders["status"] == CANCELLED).all()


@some
@given(any_seed)
def test_nothing_opens_while_it_is_paused(seed: int):
    floor = Floor(seed)
    for moment in floor.moments():
        working = floor.stage.arrays()["orders"][0, : floor.stage.account["orders_working"]]
        for orders in (made(moment.work.orders), working):
            opening = orders[orders["opening"] == 1]
            assert not len(opening) or "" not in floor.paused
            assert not {STRATEGIES[index] for index in opening["strategy"]} & floor.paused


def calm_day() -> Records:
    """Return a third day, on which every instrument trades enough for any exit."""
    hours = [(hour, index) for hour in (10, 11, 12, 13) for index in range(len(UNIVERSE))]
    return together(tick(f"{hour}:00", 100, volume=10**6, index=index, date=WEDNESDAY) for hour, index in hours)


@some
@given(any_seed, st.floats(0, 1))
def test_a_flatten_asks_for_every_position_once_and_all_are_flat_in_the_end(seed: int, part: float):
    stream = any_stream(seed)
    count, row = len(stream.events), int(part * len(stream.events))
    after = [each for each in any_commands(seed, stream) if each[0] > row and each[1] not in ("resume", "flatten")]
    stream = stream._replace(events=np.concatenate([stream.events, calm_day()]))
    floor = Floor(seed, stream, [(row, "flatten", ""), *after, (count, "reset", "")])
    for moment in floor.moments():
        if moment.command == "flatten" and not floor.killed:
            books, orders = floor.stage.books, floor.stage.arrays()["orders"][0]
            assert (books["working"] == -books["quantity"]).all()
            assert (orders[: floor.stage.account["orders_working"]]["guard"] != NO_GUARD).all()
            assert not books["wanted"].any()
    assert not floor.stage.books["quantity"].any()
    assert floor.stage.account["orders_working"] == 0


@some
@given(any_seed)
def test_a_pause_holds_back_no_exit(seed: int):
    floor = Floor(seed)
    for moment in floor.moments():
        if floor.paused and not floor.killed:
            decisions = moment.work.decisions
            exits = decisions[decisions["guard"] != NO_GUARD]
            assert (exits["granted"] == exits["asked"]).all()


@some
@given(any_seed)
def test_only_a_reset_takes_back_a_halt_within_its_day(seed: int):
    floor = Floor(seed)
    for moment in floor.moments():
        before, account = moment.before["accounts"][0], floor.stage.account
        if moment.command != "reset" and account["day_start_ns"] == before["day_start_ns"]:
            assert before["halt_code"] == risk.NONE or account["halt_code"] >= before["halt_code"]
        if account["halt_code"] in (risk.DAY_LOSS_HALT, risk.DRAWDOWN_HALT):
            assert account["state"] >= HALTED


@some
@given(any_seed)
def test_after_a_reset_nothing_that_should_leave_is_forgotten(seed: int):
    floor = Floor(seed)
    for moment in floor.moments():
        if moment.command == "reset" and not floor.killed:
            for book in floor.stage.books.ravel():
                assert book["exiting"] == 0 or book["working"] * book["quantity"] < 0
                owed = book["guard"] != NO_GUARD and book["exiting"] == 0 and book["quantity"] != 0
                assert not owed or book["exit_by_ns"] >= floor.stage.account["timer_ns"]
                kept = book["wanted"] if book["wanted"] * book["quantity"] > 0 else 0
                wants_out = (kept - book["quantity"] - book["working"]) * book["quantity"] < 0
                assert not wants_out or book["guard"] != NO_GUARD or moment.before["accounts"]["killed"][0] == 0


@some
@given(any_seed)
def test_money_adds_up_whatever_is_commanded(seed: int):
    floor = Floor(seed)
    for _ in floor.moments():
        account: Any = floor.stage.account
        earned = account["realised_e4"] + account["unrealised_e4"] - account["charges"]["total_e4"]
        assert account["equity_e4"] == account["initial_e4"] + earned


@some
@given(any_seed)
def test_blocks_between_commands_never_change_a_byte(seed: int):
    floor = Floor(seed)
    parts = [moment.work for moment in floor.moments()]
    stage = AccountStage(floor.stream.terms, UNIVERSE)
    work = trade(stage, floor.stream.events, floor.stream.signals, floor.commands)
    assert snapshot_bytes(stage.arrays()) == snapshot_bytes(floor.stage.arrays())
    for field in ("decisions", "orders", "fills", "snapshots"):
        assert getattr(work, field).tobytes() == b"".join(getattr(part, field).tobytes() for part in parts)
