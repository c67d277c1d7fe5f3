"""`alpha-panda lineage`: an order, a guard's, a person's and a refusal, from their cause to their charges."""

import asyncio
import pathlib

import pytest

from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Fill
from tests.cli.conftest import Command
from tests.live.past.eventful import PERSON, run_eventful
from tests.live.past.test_lineage import FLATTENED, GUARDED, WAITING
from tests.live.trading import PAPER, messages_of


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    state = tmp_path_factory.mktemp("session")

    async def trade() -> None:
        async with SqliteLog(state) as log:
            await run_eventful(log)

    asyncio.run(trade())
    return state


def steps(output: str) -> list[str]:
    """Return the first word of each line that tells a step: it is followed by a time of the day."""
    words = [line.split() for line in output.splitlines()]
    return [line[0] for line in words if len(line) > 2 and line[1].count(":") == 2]


def test_an_order_is_told_step_by_step(command: Command, state: pathlib.Path):
    answer = command("lineage", 1, "--state", state)
    assert answer.code == 0
    assert "for momentum, by a signal of momentum" in answer.output
    assert steps(answer.output) == ["price", "clock", "frame", "signal", "decision", "order", "fill", "order"]
    assert "target +1.00" in answer.output
    assert "brokerage" in answer.output
    assert "at work" not in answer.output


def test_what_asked_for_it_is_said(command: Command, state: pathlib.Path):
    guard = command("lineage", GUARDED, "--state", state).output
    assert "by the account's holding time" in guard
    assert "signal" not in steps(guard)
    person = command("lineage", FLATTENED, "--state", state).output
    assert f"by the command flatten of {PERSON}" in person
    assert steps(person)[:2] == ["command", "decision"]
    waiting = command("lineage", WAITING, "--state", state).output
    assert "the order is at work: more may come of it" in waiting
    assert "Charges" not in waiting


def test_a_refusal_is_told_with_what_was_measured_and_allowed(command: Command, state: pathlib.Path):
    answer = command("lineage", "--refusal", 0, "--state", state)
    assert "refused by outside window: 09:35:00, against 09:35:30;" in answer.output
    assert "0 of " in answer.output
    assert steps(answer.output)[-1] == "decision"


def test_json_has_rupees_and_instants_in_ist(command: Command, state: pathlib.Path):
    told = command("lineage", 1, "--state", state, "--json").json

    async def fills() -> list[Fill]:
        async with SqliteLog(state, read_only=True) as log:
            messages = await messages_of(log, PAPER.orders_filled)
            return [each.data for each in messages if isinstance(each.data, Fill) and each.data.order_id == 1]

    (fill,) = asyncio.run(fills())
    assert (told["reason"], told["finished"], told["symbol"]) == ("a signal of momentum", True, "SIM:PANDA")
    assert told["decision"]["data"]["time"].startswith("2026-11-20T09:36:00.000000+05:30")
    assert told["decision"]["stamp"]["causation_id"] == told["signal"]["stamp"]["id"]
    shown = told["order"][1]["data"]
    assert shown["price"] * 10_000 == fill.price_e4
    assert round(shown["charges"]["total"] * 10_000) == fill.charges.total_e4
    assert told["event"]["kind"] == "clock"


def test_one_order_or_one_refusal_is_named(command: Command, state: pathlib.Path):
    for arguments in ((), (1, "--refusal", 0)):
        answer = command("lineage", *arguments, "--state", state)
        assert answer.code == 2
        assert "name one order" in answer.complaint
    answer = command("lineage", 99, "--state", state)
    assert (answer.code, answer.output) == (2, "")
    assert "paper has made no order 99 so far" in answer.complaint
    assert command("lineage", 1, "--state", state / "nowhere").code == 6
