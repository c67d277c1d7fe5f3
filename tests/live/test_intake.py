"""Where events enter: what breaks a rule is kept out with its reason, and the rest passes as if it had never been."""

import pathlib

import numpy as np
import pytest

from alpha_panda.data.events import validate
from alpha_panda.kernels.records import BAR, CLOCK, TICK, Records
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.intake import Gate
from alpha_panda.live.log.base import Record
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import DeadLetter, Ticks
from alpha_panda.live.payloads import events_of
from alpha_panda.live.streams import Reader
from alpha_panda.live.topics import Topic, instrument_key, market_ticks
from tests.live.trading import ChoppedFeed, market, messages_of, morning, records_of, replayed, run_in, run_on

PANDA, TIGER = market()[0].tokens.tolist()


def two_ticks() -> Records:
    """Return two valid ticks of the first company, a second apart."""
    ticks = morning()[morning()["instrument_token"] == PANDA][:2].copy()
    ticks["time_ns"] = [1_000_000_000, 2_000_000_000]
    return ticks


def refused(gate: Gate, events: Records) -> list[str]:
    """Return the rule that each refused event broke."""
    return [refusal.reason.partition(": ")[2].partition(";")[0] for refusal in gate.admit(events)[1]]


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("time_ns", 999_999_999, "its time lies before that of the row above"),
        ("close_e4", 0, "a price is not positive"),
        ("close_e4", -(2**63), "a price is not positive"),
        ("high_e4", 2**63 - 1, "a price is above one crore rupees"),
        ("volume", -1, "its volume is negative"),
        ("bid_e4", -5, "bid or ask is not a price, nor 0 for unknown"),
        ("open_interest", -1, "its open interest is negative"),
        ("instrument", 2, "its instrument is not of this run, or has another token"),
        ("instrument", -1, "its instrument is not of this run, or has another token"),
        ("instrument_token", TIGER, "its instrument is not of this run, or has another token"),
        ("kind", 9, "its kind is none of TICK, BAR and CLOCK"),
    ],
)
def test_an_event_that_breaks_a_rule_is_refused(field: str, value: int, rule: str):
    events = two_ticks()
    events[field][1] = value
    passed, refusals = Gate(market()[0]).admit(events)
    assert passed.tobytes() == two_ticks()[:1].tobytes()
    assert [rule in refusal.reason for refusal in refusals] == [True]
    assert refusals[0].event.tobytes() == events[1:].tobytes()


def test_time_may_not_go_back_from_one_batch_to_the_next():
    gate, events = Gate(market()[0]), two_ticks()
    gate.admit(events[1:])
    assert refused(gate, events[:1]) == ["its time lies before that of the row above"]
    assert refused(gate, events[1:]) == []


def test_a_bar_may_not_come_twice_even_in_another_batch():
    gate, bar = Gate(market()[0]), two_ticks()[:1]
    bar["kind"] = BAR
    assert refused(gate, bar) == []
    assert refused(gate, bar) == ["its instrument already has a bar of this time"]


def test_what_passes_among_many_offences_is_all_that_keeps_the_rules():
    """A third of a morning is damaged at random; what passes is valid, and nothing else was kept out."""
    random = np.random.default_rng(1)
    events = morning()[:3_000].copy()
    damaged = random.random(len(events)) < 1 / 3
    events["volume"][damaged] = -1
    passed, refusals = Gate(market()[0]).admit(events)
    validate(passed, market()[0])
    assert passed.tobytes() == events[~damaged].tobytes()
    assert len(refusals) == int(damaged.sum())


async def test_a_session_trades_on_without_the_events_that_were_kept_out(tmp_path: pathlib.Path):
    events = morning()[:5_000].copy()
    bad = np.flatnonzero(events["kind"] == TICK)[::100]
    events["close_e4"][bad] = 0
    engine = await run_in(tmp_path, ChoppedFeed(events, longest=500))
    assert engine.stage.summary() == replayed(np.delete(events, bad)).summary()
    async with SqliteLog(tmp_path, read_only=True) as log:
        letters = [decode(record) for record in await records_of(log, market_ticks().dead_letters)]
        frames = {message.sequence: message for message in await messages_of(log, market_ticks())}
    values = [letter.data.value for letter in letters if isinstance(letter.data, DeadLetter)]
    assert b"".join(values) == events[bad].tobytes()
    first = letters[0].data
    assert isinstance(first, DeadLetter)
    assert first.key == instrument_key(int(events["instrument_token"][bad[0]]))
    assert "a price is not positive" in first.reason
    assert letters[0].causation_id == frames[first.place.sequence].id


async def test_a_feed_of_nothing_but_offences_goes_on_after_them(tmp_path: pathlib.Path):
    """The frames are empty, but they say how far the feed has come; the last rules are those of the last good event."""
    events = np.concatenate([morning()[:10], morning()[:50]])
    events["time_ns"][10:] = 1
    events = events[(np.arange(60) < 10) | (events["kind"] != CLOCK)]
    await run_in(tmp_path, ChoppedFeed(events[:30], longest=5))
    engine = await run_in(tmp_path, ChoppedFeed(events, longest=5))
    assert engine.stage.account["events"] == 10
    async with SqliteLog(tmp_path, read_only=True) as log:
        frames = [message.data for message in await messages_of(log, market_ticks())]
        assert len(await records_of(log, market_ticks().dead_letters)) == len(events) - 10
    assert all(isinstance(frame, Ticks) for frame in frames)
    assert np.concatenate([events_of(frame) for frame in frames if isinstance(frame, Ticks)]).tobytes() == (
        events[:10].tobytes()
    )


class TerseLog(SqliteLog):
    """A log that hands on one record at a time, however many are asked for."""

    async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        return await super().read(topic, partition, offset, min(limit, 1))


async def test_a_feed_finds_where_it_stopped_on_a_log_that_hands_on_less_than_there_is(tmp_path: pathlib.Path):
    await run_in(tmp_path, ChoppedFeed(morning()))
    async with TerseLog(tmp_path) as log:
        frames = len(await frames_of(log))
        await run_on(log, ChoppedFeed(morning()))
        assert len(await frames_of(log)) == frames


async def frames_of(log: SqliteLog) -> list[Envelope]:
    """Return the frames of ticks on a log."""
    found: list[Envelope] = []
    reader = Reader(log, market_ticks())
    while entries := await reader.read():
        found += [entry.message for entry in entries]
    return found
