"""What was written once can be read for ever: messages of every version still say exactly what they said."""

from typing import Any, get_args

import msgspec
import pytest

from alpha_panda.errors import CorruptRecordError
from alpha_panda.live.envelope import VERSION, decode
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import Payload
from alpha_panda.live.schemas import named
from tests.live.schemas.recorded import Recorded, envelopes, recorded

OFFSET = 17
EVERY = [each for version in range(1, VERSION + 1) for each in recorded(version)]


def record_of(each: Recorded) -> Record:
    return Record("market.ticks", 0, OFFSET, b"key", each.value)


def unlike(struct: Any, told: Any, place: str = "message") -> list[str]:
    """Return where a struct says something else than was recorded, or than its default where nothing was."""
    if not isinstance(struct, msgspec.Struct):
        pairs = zip(struct, told, strict=True) if isinstance(struct, tuple) else ()
        inner = [each for number, pair in enumerate(pairs) for each in unlike(*pair, f"{place}[{number}]")]
        return inner if isinstance(struct, tuple) else [place] if named(struct) != told else []
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    found = [f"{place}.{name}" for name in told if name not in fields]
    for name, field in fields.items():
        expected = told[name] if name in told else named(field.default)
        found += unlike(getattr(struct, name), expected, f"{place}.{name}")
    return found


@pytest.mark.parametrize("each", EVERY, ids=lambda each: f"version {each.message['version']} {each.message['type']}")
def test_a_message_of_any_version_says_what_it_said(each: Recorded):
    told = each.message
    # Version 1 had no sequences: of its time, every record stands where it belongs.
    told = {**told, "epoch": 0, "sequence": OFFSET} if told["version"] == 1 else told
    assert unlike(decode(record_of(each)), told) == []


def test_every_kind_of_message_is_kept_in_this_version():
    kept = {type(decode(record_of(each)).data) for each in recorded(VERSION)}
    assert kept == set(get_args(Payload)), "add it: python -m tests.live.schemas.recorded"
    assert {each.message["type"] for each in recorded(VERSION)} == {envelope.type for envelope in envelopes()}


def test_the_first_version_had_twelve_kinds_and_each_is_kept():
    assert len({type(decode(record_of(each)).data) for each in recorded(1)}) == 12


def test_a_figure_that_reads_differently_would_be_found():
    each = recorded(1)[0]
    assert unlike(decode(record_of(each)), {**each.message, "time_ns": 1, "sequence": OFFSET}) == ["message.time_ns"]
    data = {**each.message["data"], "count": 3, "gone": 1}
    told = {**each.message, "sequence": OFFSET, "data": data}
    assert unlike(decode(record_of(each)), told) == ["message.data.gone", "message.data.count"]


def test_a_message_of_a_newer_version_is_refused_whatever_else_it_says():
    each = recorded(VERSION)[0]
    fields = msgspec.msgpack.decode(each.value)
    fields[2] = VERSION + 1
    newer = Record("market.ticks", 0, OFFSET, b"key", msgspec.msgpack.encode(fields))
    with pytest.raises(CorruptRecordError, match=f"version {VERSION + 1} and this program knows {VERSION}"):
        decode(newer)
