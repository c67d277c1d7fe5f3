"""Messages survive the log unchanged, their ids repeat, and what is no message is refused with its place."""

import hashlib
import re
from typing import get_args

import msgspec
import pytest

from alpha_panda.errors import CorruptRecordError
from alpha_panda.kernels.records import EVENT
from alpha_panda.live.envelope import VERSION, Envelope, decode, encode, event_id, event_type
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import OrderStatus, Payload, Ticks
from tests.live.samples import DECISION, FILL, ORDER, PAYLOADS, SNAPSHOT, changed

KINDS = [type(payload).__name__ for payload in PAYLOADS]


def envelope_of(data: Payload) -> Envelope:
    return Envelope.begin(data, origin="session", source="feed", index=3, time_ns=1_763_700_300_000_000_000)


def record_of(value: bytes) -> Record:
    return Record("paper.orders.filled", 2, 17, b"key", value)


def test_there_is_a_sample_of_every_kind_of_message():
    assert [type(payload) for payload in PAYLOADS] == list(get_args(Payload))


@pytest.mark.parametrize("payload", PAYLOADS, ids=KINDS)
def test_a_message_is_decoded_as_it_was_encoded(payload: Payload):
    envelope = envelope_of(payload)
    decoded = decode(record_of(encode(envelope)))
    assert decoded == envelope
    assert type(decoded.data) is type(payload)


@pytest.mark.parametrize("payload", PAYLOADS, ids=KINDS)
def test_no_message_can_be_changed(payload: Payload):
    with pytest.raises(AttributeError, match="immutable"):
        setattr(payload, payload.__struct_fields__[0], None)


def test_money_keeps_every_digit_of_64_bits():
    extreme = changed(SNAPSHOT, cash_e4=2**63 - 1, equity_e4=-(2**63))
    assert decode(record_of(encode(envelope_of(extreme)))).data == extreme


# ── Identity ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_id_is_the_same_in_every_process():
    """The expected id is BLAKE2b of the parts, each behind its length in 4 bytes, in base 32."""
    assert event_id("cause", "signals", 0) == "IY5AACQS4ORMTRMTHDZXJKOK"
    assert re.fullmatch("[A-Z2-7]{24}", event_id("", "", 2**63))


def test_ids_differ_with_cause_stage_and_index_wherever_one_ends_and_the_next_begins():
    parts = [("a", "b", 1), ("b", "b", 1), ("a", "a", 1), ("a", "b", 2), ("ab", "", 1), ("", "ab", 1), ("a", "b1", 1)]
    assert len({event_id(*part) for part in parts}) == len(parts)


def test_reprocessing_makes_the_same_messages():
    first, again = (
        envelope_of(PAYLOADS[0]).effect(FILL, source="account", index=2, time_ns=5, broker="paper") for _ in range(2)
    )
    assert encode(first) == encode(again)


def test_a_message_that_begins_a_story_correlates_with_itself():
    beginning = envelope_of(PAYLOADS[0])
    assert (beginning.correlation_id, beginning.causation_id) == (beginning.id, "")


def test_an_effect_names_its_cause_and_keeps_the_correlation_from_end_to_end():
    ticks = envelope_of(PAYLOADS[0])
    signal = ticks.effect(PAYLOADS[1], source="signals", index=0, time_ns=5, broker="paper")
    decision = signal.effect(DECISION, source="account", index=0, time_ns=6, broker="paper")
    assert (signal.causation_id, decision.causation_id) == (ticks.id, signal.id)
    assert signal.correlation_id == decision.correlation_id == ticks.id


def test_the_same_signal_for_two_brokers_is_two_messages():
    ticks = envelope_of(PAYLOADS[0])
    ids = {ticks.effect(PAYLOADS[1], source="signals", index=0, time_ns=5, broker=name).id for name in ("a", "b")}
    assert len(ids) == 2


# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refusal_is_a_rejected_signal_and_everything_else_is_validated():
    assert event_type(changed(DECISION, verdict="approved")) == "validated_signal"
    assert event_type(changed(DECISION, verdict="clipped")) == "validated_signal"
    assert event_type(changed(DECISION, verdict="refused")) == "rejected_signal"


def test_an_order_update_is_named_after_what_happened():
    names = [event_type(changed(ORDER, status=status)) for status in get_args(OrderStatus)]
    assert names == [
        "order_placed",
        "order_triggered",
        "order_partial",
        "order_complete",
        "order_cancelled",
        "order_expired",
    ]


def test_the_other_messages_have_one_name_each():
    names = [event_type(payload) for payload in PAYLOADS]
    assert names == [
        "market_tick",
        "trading_signal",
        "signals_progress",
        "validated_signal",
        "order_placed",
        "order_filled",
        "pnl_snapshot",
        "control_command",
        "session_started",
        "journal_entry",
        "state_snapshot",
        "dead_letter",
        "market_gap",
        "writer_began",
        "stage_report",
    ]


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def refused(value: bytes, reason: str):
    with pytest.raises(CorruptRecordError, match=reason) as caught:
        decode(record_of(value))
    assert "topic paper.orders.filled partition 2 offset 17" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xc1",
        b"{}",
        b"not a message",
        encode(envelope_of(FILL))[:-1],
        b"\x9a" + encode(envelope_of(FILL))[1:] + b"\x91" * 10**6,
    ],
    ids=["empty", "never used", "JSON", "text", "cut", "a million levels deep"],
)
def test_bytes_that_are_no_message_are_refused(value: bytes):
    refused(value, "is not a message")


def test_every_cut_and_every_flipped_bit_is_refused_or_still_a_message():
    whole = encode(envelope_of(FILL))
    damaged = [whole[:length] for length in range(len(whole))]
    damaged += [
        whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in range(8)
    ]
    refusals = 0
    for value in damaged:
        try:
            assert isinstance(decode(record_of(value)), Envelope)
        except CorruptRecordError:
            refusals += 1
    assert refusals >= len(whole)


def test_a_word_that_the_schema_does_not_know_is_refused():
    refused(encode(envelope_of(changed(FILL, side="HOLD"))), "Invalid enum value 'HOLD'")


def test_a_float_is_no_money():
    refused(encode(envelope_of(changed(FILL, price_e4=2516.98))), "Expected `int`, got `float`")


def test_a_message_of_a_newer_version_is_refused():
    newer = msgspec.msgpack.encode(["id", "new_type", VERSION + 1, "a layout that nobody knows yet"])
    refused(newer, f"version {VERSION + 1} and this program knows {VERSION}")


def test_a_type_that_contradicts_the_payload_is_refused():
    envelope = changed(envelope_of(changed(DECISION, verdict="refused")), type="validated_signal")
    refused(encode(envelope), "type is validated_signal and its payload says rejected_signal")


def test_a_frame_whose_length_is_not_that_of_its_events_is_refused():
    refused(encode(envelope_of(Ticks(2, bytes(159), 0))), "159 bytes, not 80 for each of 2 events")


def test_the_layout_of_an_event_has_not_changed_within_this_version():
    """Frames are raw records: whoever changes EVENT raises VERSION, and writes the new layout's digest here."""
    layout = repr([(name, EVENT.fields[name][0].str, EVENT.fields[name][1]) for name in EVENT.names])
    assert (VERSION, hashlib.sha256(layout.encode()).hexdigest()[:16]) == (2, "bd63c7c0e8585b3f")
