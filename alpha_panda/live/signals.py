"""The signals stage: frames of ticks in, targets and progress out; the same frame always makes the same messages.

Each partition of the ticks has an engine of its own, which may run in any process: it is the one writer of the same
partition of the raw signals.
"""

import asyncio
from collections.abc import Callable

from alpha_panda.chain import restore_bytes, snapshot_bytes
from alpha_panda.errors import RecoveryError
from alpha_panda.live.arrivals import Places, ticks_in
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Place, Progress, StateSnapshot
from alpha_panda.live.observer import SIGNALS, Inputs, Observer
from alpha_panda.live.payloads import events_of, signals_of
from alpha_panda.live.session import Blueprint
from alpha_panda.live.snapshots import SNAPSHOT_EVERY_NS, Snapshots, places_of, snapshot_maker
from alpha_panda.live.streams import Entry, Reader
from alpha_panda.live.writing import Writer

_SOURCE = "signals"

# Frames that are taken at once; at full speed, a hundred of them are some twenty megabytes.
_FRAMES = 32


class SignalsEngine:
    """The strategies of a session over one partition of its ticks, and how far they have come; it knows no log."""

    def __init__(self, blueprint: Blueprint, partition: int = 0) -> None:
        self.blueprint = blueprint
        self.partition = partition
        self.next_frame = 0  # the sequence of the ticks that it reads next
        self.next_message = 0  # the sequence of the raw signals that it writes next
        self.ticks_place = Place(blueprint.ticks.name, partition, 0)
        self._stage = blueprint.signal_stage()
        # Written once, since memory that nobody has written is not there yet: the first minute would wait for it.
        restore_bytes(self._stage.arrays(), self.arrays())
        self._snapshot_next_ns = 0

    @property
    def source(self) -> str:
        """Who says what this engine says."""
        return _SOURCE if self.partition == 0 else f"{_SOURCE}.{self.partition}"

    def apply(self, entry: Entry) -> list[Envelope]:
        """Pass one frame through the strategies; return their signals and then the progress.

        Each message has the sequence that it has on its topic.
        """
        frame, ticks = entry.message, ticks_in(entry)
        if frame.sequence != self.next_frame:
            raise RecoveryError(f"the strategies were given frame {frame.sequence} of the ticks, not {self.next_frame}")
        # A copy, since what is read from the log cannot be written, and would be another type to the compiler.
        signals = self._stage.advance(events_of(ticks).copy())
        payloads = signals_of(signals, self.blueprint.names, self.partition, frame.sequence)
        times_ns = [*signals["time_ns"].tolist(), frame.time_ns]
        first = self.next_message
        self.next_frame += 1
        self.next_message += len(times_ns)
        self.ticks_place = entry.next_place
        messages = [
            frame.effect(data, source=self.source, index=number, time_ns=time_ns, broker=self.blueprint.broker)
            for number, (data, time_ns) in enumerate(
                zip([*payloads, Progress(self.partition, frame.sequence, len(signals))], times_ns, strict=True)
            )
        ]
        return [message.stamped(0, sequence) for sequence, message in enumerate(messages, first)]

    def arrays(self) -> dict[str, bytes]:
        """Return the bytes of everything that the strategies remember, by name."""
        return snapshot_bytes(self._stage.arrays())

    def snapshot_if_due(self, time_ns: int, raw: Place) -> Callable[[], Envelope] | None:
        """Return what makes a snapshot of now, if some minutes of the market have passed since the last one.

        `raw` is where it writes next.
        """
        if time_ns < self._snapshot_next_ns:
            return None
        self._snapshot_next_ns = time_ns + SNAPSHOT_EVERY_NS
        places = (self.ticks_place, raw)
        return snapshot_maker(
            self.blueprint, self.arrays(), places, source=self.source, index=self.next_frame, time_ns=time_ns
        )

    def restore(self, snapshot: StateSnapshot, time_ns: int) -> Places:
        """Take up where `snapshot` was taken, at `time_ns`, and return where to read on.

        Raises RecoveryError when it is not of these strategies.
        """
        restore_bytes(self._stage.arrays(), snapshot.arrays)
        self.ticks_place, raw = snapshot.next_places
        self.next_frame, self.next_message = self.ticks_place.sequence, raw.sequence
        self._snapshot_next_ns = time_ns + SNAPSHOT_EVERY_NS
        return places_of(snapshot)


async def run_signals(
    engine: SignalsEngine,
    log: Log,
    ticks: Reader,
    raw: Writer,
    finished: asyncio.Event,
    observer: Observer,
    monotonic: Callable[[], float],
) -> None:
    """Apply frames as they come, until there are no more."""
    async with Snapshots(log, engine.blueprint.topics.signals_snapshots, engine.partition) as snapshots:
        while frames := await ticks.next(finished, _FRAMES):
            inputs = Inputs.of(monotonic(), frames)
            messages = [message for frame in frames for message in engine.apply(frame)]
            await raw.append(messages)
            if snapshot := engine.snapshot_if_due(messages[-1].time_ns, raw.place):
                await snapshots.write(snapshot)
                observer.on_snapshot(SIGNALS)
            observer.on_signals(engine.next_frame, messages, inputs)
