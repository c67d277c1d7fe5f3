"""Messages as programs of every version wrote them, byte for byte, and what each of them says.

Each line of `events_v….jsonl` is one message: its bytes in hexadecimal, and its fields by the names that they have now.
A line is never changed, except that a field which is renamed is renamed here too. For a new kind of message, or a new
version, `python -m tests.live.schemas.recorded` adds what `samples.py` has and the file lacks.
"""

import json
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from alpha_panda.live.envelope import VERSION, Envelope, encode
from alpha_panda.live.schemas import named
from tests.live.samples import DECISION, ORDER, PAYLOADS, changed

FOLDER = pathlib.Path(__file__).parent
_TIME_NS = 1_763_700_300_000_000_000


class Recorded(NamedTuple):
    """The bytes of a message, and its fields by their names."""

    value: bytes
    message: dict[str, Any]


def recorded(version: int) -> list[Recorded]:
    """Return the messages that are kept of a version."""
    path = FOLDER / f"events_v{version}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [Recorded(bytes.fromhex(each["bytes"]), each["message"]) for each in map(json.loads, lines)]


def envelopes() -> Iterator[Envelope]:
    """Yield a message of every kind as they are now, as one story."""
    first = Envelope.begin(PAYLOADS[0], origin="session", source="feed", index=3, time_ns=_TIME_NS)
    yield first.stamped(7, 1_000)
    refused = changed(DECISION, verdict="refused", granted=0, order_id=0)
    others = [*PAYLOADS[1:], refused, changed(ORDER, status="complete", filled=60), changed(ORDER, status="cancelled")]
    for number, payload in enumerate(others, start=1):
        effect = first.effect(payload, source="sample", index=number, time_ns=_TIME_NS + number, broker="paper")
        yield effect.stamped(7, 1_000 + number)


def _add_missing() -> None:
    kept = {each.message["type"] for each in recorded(VERSION)}
    with (FOLDER / f"events_v{VERSION}.jsonl").open("a") as file:
        for envelope in envelopes():
            if envelope.type not in kept:
                line = {"bytes": encode(envelope).hex(), "message": named(envelope)}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    _add_missing()
