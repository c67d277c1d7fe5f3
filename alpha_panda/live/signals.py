"""The signals stage: frames of ticks in, targets and progress out; the same frame always makes the same messages."""

from alpha_panda.chain import restore_bytes, snapshot_bytes
from alpha_panda.errors import RecoveryError
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Commit, Log, Record
from alpha_panda.live.messages import Place, Progress, StateSnapshot
from alpha_panda.live.payloads import events_of, frame_in, signals_of
from alpha_panda.live.routing import new_record
from alpha_panda.live.session import Blueprint
from alpha_panda.live.snapshots import SNAPSHOT_EVERY_NS, digest_of
from alpha_panda.live.status import Status
from alpha_panda.live.streams import Stream
from alpha_panda.live.topics import market_ticks

GROUP = "signals"
_SOURCE = "signals"


class SignalsEngine:
    """The strategies of a session and how far they have come; it knows no log."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        self.next_frame = 0  # the offset of the ticks that it reads next
        self.next_message = 0  # the offset of the raw signals that it writes next
        self._stage = blueprint.signal_stage()
        self._snapshot_next_ns = 0

    def apply(self, record: Record) -> list[Envelope]:
        """Pass one frame through the strategies; return their signals and then the progress."""
        frame, ticks = frame_in(record)
        if record.offset != self.next_frame:
            raise RecoveryError(f"the strategies were given frame {record.offset} of the ticks, not {self.next_frame}")
        # A copy, since what is read from the log cannot be written, and would be another type to the compiler.
        signals = self._stage.advance(events_of(ticks).copy())
        payloads = signals_of(signals, self.blueprint.names, record.partition, record.offset)
        times_ns = [*signals["time_ns"].tolist(), frame.time_ns]
        self.next_frame += 1
        self.next_message += len(times_ns)
        return [
            frame.effect(data, source=_SOURCE, index=number, time_ns=time_ns, broker=self.blueprint.broker)
            for number, (data, time_ns) in enumerate(
                zip([*payloads, Progress(record.partition, record.offset, len(signals))], times_ns, strict=True)
            )
        ]

    def snapshot_if_due(self, time_ns: int) -> list[Envelope]:
        """Return a snapshot if some minutes of the market have passed since the last one."""
        if time_ns < self._snapshot_next_ns:
            return []
        self._snapshot_next_ns = time_ns + SNAPSHOT_EVERY_NS
        arrays = snapshot_bytes(self._stage.arrays())
        places = (
            Place(market_ticks().name, 0, self.next_frame),
            Place(self.blueprint.topics.signals_raw.name, 0, self.next_message),
        )
        data = StateSnapshot(self.blueprint.code_digest, digest_of(arrays), places, arrays)
        return [self.blueprint.begin(data, source=_SOURCE, index=self.next_frame, time_ns=time_ns)]

    def restore(self, snapshot: StateSnapshot, time_ns: int) -> None:
        """Take up where `snapshot` was taken, at `time_ns`; RecoveryError when it is not of these strategies."""
        restore_bytes(self._stage.arrays(), snapshot.arrays)
        self.next_frame, self.next_message = (place.offset for place in snapshot.next_places)
        self._snapshot_next_ns = time_ns + SNAPSHOT_EVERY_NS


async def run_signals(engine: SignalsEngine, log: Log, ticks: Stream, status: Status) -> None:
    """Apply frames as they come; their messages and the place after them enter the log together."""
    topics = engine.blueprint.topics
    while frames := await ticks.read():
        messages = [message for frame in frames for message in engine.apply(frame)]
        snapshots = engine.snapshot_if_due(messages[-1].time_ns)
        records = [new_record(topics.signals_raw, message) for message in messages]
        records += [new_record(topics.signals_snapshots, snapshot) for snapshot in snapshots]
        await log.append(records, [Commit(GROUP, market_ticks(), 0, engine.next_frame)])
        status.on_signals(engine.next_frame, messages)
