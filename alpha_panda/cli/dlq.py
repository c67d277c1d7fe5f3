"""`alpha-panda dlq`: the records that nobody could process, and the way back for them."""

import asyncio
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, cast

from cyclopts import Parameter

from alpha_panda.cli.options import Json
from alpha_panda.errors import ConfigurationError, CorruptRecordError, LogError, RecoveryError
from alpha_panda.kernels.records import BAR, CLOCK, TICK, Records
from alpha_panda.live.build import open_log
from alpha_panda.live.dead_letters import Letter, read_letters, replay, topics_of
from alpha_panda.live.log.base import Log
from alpha_panda.live.schemas import named
from alpha_panda.live.session import begun, read_session
from alpha_panda.live.topics import Topic
from alpha_panda.strategy import did_you_mean
from alpha_panda.terminal import print_json, show, table
from alpha_panda.units import ist_datetime, to_rupees

State = Annotated[pathlib.Path, Parameter(help="The directory of the session, live/state/….")]
OfTopic = Annotated[
    str | None, Parameter("--topic", help="Only letters of this topic, such as market.ticks; else of all.")
]

_SHOWN = 200  # characters of a field on a screen; the bytes are there whole
_DUMP_BYTES = 32
_KINDS = {TICK: "tick", BAR: "bar", CLOCK: "clock"}


def list_letters(*, state: State, topic: OfTopic = None, json: Json = False) -> None:
    """Count the dead letters of a session by topic and reason, and name the newest of each."""
    letters = asyncio.run(_letters(state, topic))
    if json:
        print_json({"state": state, "letters": [_summary(letter) for letter in letters]})
    elif letters:
        show(table(f"Dead letters in {state}", ("topic", "what", "reason", "letters>", "newest"), _counted(letters)))
    else:
        show(f"no dead letters {f'of {topic} ' if topic else ''}in {state}")


def _counted(letters: Sequence[Letter]) -> list[tuple[str, str, str, str, str]]:
    kinds: dict[tuple[str, str, str], list[Letter]] = {}
    for letter in letters:
        kinds.setdefault((letter.place.topic, _what(letter), letter.rule), []).append(letter)
    return [(*kind, f"{len(each):,}", each[0].id) for kind, each in sorted(kinds.items())]


def _what(letter: Letter) -> str:
    return "event" if letter.is_event else "record"


def show_letter(
    letter: Annotated[str, Parameter(help="Its id, or how that begins.")],
    /,
    *,
    state: State,
    topic: OfTopic = None,
    json: Json = False,
) -> None:
    """Show one dead letter whole: where it stood, why it was given up, its bytes, and what they say."""
    found = _chosen(asyncio.run(_letters(state, topic)), letter)
    said = _said(found)
    if json:
        print_json({**_summary(found), "key": found.data.key.hex(), "value": found.data.value.hex(), "says": said})
        return
    rows = [(name.replace("_", " "), str(each)) for name, each in _summary(found).items() if each is not None]
    show(table("Dead letter", ("", "value"), [*rows, ("key", repr(found.data.key))]))
    show(table(f"Its {len(found.data.value):,} bytes", ("byte>", "hexadecimal"), _dump(found.data.value)))
    if said is None:
        show("the bytes are no message to this program either")
    else:
        show(table("What they say", ("field", "value"), _fields(said)))


def _fields(said: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every field under its path."""
    for name, value in said.items():
        if isinstance(value, dict):
            yield from _fields(cast("dict[str, Any]", value), f"{place}{name}.")
        else:
            text = str(value)
            long = len(text) > _SHOWN
            yield f"{place}{name}", f"{text[:_SHOWN]}… ({len(text):,} characters)" if long else text


def _dump(value: bytes) -> list[tuple[str, str]]:
    starts = range(0, len(value), _DUMP_BYTES)
    return [(f"{start:,}", value[start : start + _DUMP_BYTES].hex(" ", 4)) for start in starts]


def _said(letter: Letter) -> dict[str, Any] | None:
    """Return what the bytes of a letter say, field by field; None where they say nothing."""
    if letter.is_event:
        event = letter.event()
        return None if event is None else _event(event)
    message = letter.message()
    return None if message is None else named(message)


def _event(event: Records) -> dict[str, Any]:
    """Return an event in rupees and IST; whatever is wrong with it is shown as it is."""
    fields = dict(zip(event.dtype.names or (), event[0].tolist(), strict=True))
    said: dict[str, Any] = {"time": str(ist_datetime(fields.pop("time_ns")))}
    for name, value in fields.items():
        if name == "kind":
            said[name] = _KINDS.get(value, value)
        elif name.endswith("_e4"):
            said[name.removesuffix("_e4")] = to_rupees(value)
        else:
            said[name] = value
    return said


def replay_letters(
    letters: Annotated[
        tuple[str, ...], Parameter(name="LETTER", negative=(), help="Ids, or how they begin; else every record.")
    ] = (),
    /,
    *,
    state: State,
    topic: OfTopic = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="Say what would be put where, and do nothing.")] = False,
    yes: Annotated[bool, Parameter(negative=(), show_default=False, help="Put them back.")] = False,
    json: Json = False,
) -> None:
    """Put records back at the end of their topics, byte for byte, the oldest first; nothing else is written.

    Who reads the topic takes a record that is intact after all and was missing, and sets any other aside. An embedded
    log has one writer: stop its session first. On Kafka the session may run.
    """
    found = asyncio.run(_letters(state, topic))
    chosen = [_chosen(found, letter) for letter in letters] or [each for each in found[::-1] if not each.is_event]
    for letter in chosen:
        letter.require_record()
    if not (dry_run or yes or not chosen):
        raise ConfigurationError(f"{len(chosen)} records would be put back: see which with --dry-run, then say --yes")
    offsets = [None] * len(chosen) if dry_run or not chosen else asyncio.run(_put_back(state, chosen))
    left = 0 if letters else sum(each.is_event for each in found)
    if json:
        records = [{**_summary(each), "put_at": at} for each, at in zip(chosen, offsets, strict=True)]
        print_json({"state": state, "dry_run": dry_run, "records": records, "events_left": left})
        return
    rows = [_row(each, at) for each, at in zip(chosen, offsets, strict=True)]
    title = f"{'To be put back' if dry_run else 'Put back'} in {state}"
    columns = ("letter", "topic", "partition>", "from offset>", "to offset>", "bytes>", "reads as")
    show(table(title, columns, rows) if rows else "there is no record to put back")
    if left:
        show(f"what the feed kept out stays: {left:,} of these letters are events and never were records")


def _row(letter: Letter, offset: int | None) -> tuple[str, ...]:
    place, message = letter.place, letter.message()
    return (
        letter.id,
        place.topic,
        str(place.partition),
        f"{place.offset:,}",
        "its end" if offset is None else f"{offset:,}",
        f"{len(letter.data.value):,}",
        "no message, still" if message is None else f"{message.type}, sequence {message.sequence:,}",
    )


async def _put_back(state: pathlib.Path, letters: Sequence[Letter]) -> list[int]:
    offsets: list[int] = []
    try:
        async with open_log(state) as log:
            for letter in letters:
                offsets.append(await replay(log, letter))
    except LogError as error:
        raise LogError(f"{len(offsets)} of {len(letters)} records were put back: {error}") from error
    return offsets


# ── Which letters ────────────────────────────────────────────────────────────────────────────────────────────────────


async def _letters(state: pathlib.Path, topic: str | None) -> list[Letter]:
    """Return the letters of a session, the newest of each topic first."""
    async with open_log(state, read_only=True) as log:
        topics = await _topics(log, state, topic)
        return [letter for each in topics for letter in await read_letters(log, each)]


async def _topics(log: Log, state: pathlib.Path, name: str | None) -> list[Topic]:
    try:
        session = await read_session(log)
    except (CorruptRecordError, RecoveryError):
        if name is None:
            raise
        return [Topic(name)]  # the letters of a session whose own record is damaged are worth reading, too
    topics = {each.name: each for each in topics_of(begun(session, state))}
    if name is None:
        return list(topics.values())
    name = name.removesuffix(".dlq")
    if name not in topics:
        raise ConfigurationError(f"no topic {name}{did_you_mean(name, topics)}; there are {', '.join(sorted(topics))}")
    return [topics[name]]


def _chosen(letters: Sequence[Letter], beginning: str) -> Letter:
    found = [letter for letter in letters if beginning and letter.id.startswith(beginning.upper())]
    if len(found) != 1:
        many = f"{len(found)} dead letters begin" if found else "no dead letter begins"
        raise ConfigurationError(f"{many} with {beginning!r}: take an id from `alpha-panda dlq list --json`")
    return found[0]


def _summary(letter: Letter) -> dict[str, Any]:
    place = letter.place
    return {
        "id": letter.id,
        "what": _what(letter),
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
        "letter_offset": letter.offset,
        "time": str(ist_datetime(letter.time_ns)) if letter.time_ns else None,
        "attempts": letter.data.attempts,
        "bytes": len(letter.data.value),
        "reason": letter.data.reason,
    }
