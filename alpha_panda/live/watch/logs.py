"""Structured logs: a file of JSON lines for each channel, written from a thread of its own.

The stages only hand a line over. Where the disk cannot keep up, lines are dropped and counted, but none of `trading`
and `audit`: those wait in memory until they can be written. The event log is the truth; these files are for people
and their tools, and nothing here ever reads them back.
"""

import logging
import os
import pathlib
import queue
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec
import structlog
from structlog.typing import EventDict

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.watch.logfiles import LogFile, Retention, claimed_folder
from alpha_panda.live.watch.redaction import Redaction
from alpha_panda.units import SECOND_NS, ist_datetime

CHANNELS: Mapping[str, Retention] = {
    "application": Retention(30),  # what the process does, and what libraries say
    "trading": Retention(365, kept=True),  # the way of every order: signal, decision, order, fill
    "market_data": Retention(7),
    "database": Retention(30),  # the event log and the store
    "api": Retention(30),
    "audit": Retention(365, kept=True),  # who did what: sessions, commands, takeovers
    "performance": Retention(30),
    "error": Retention(90),  # a copy of whatever is an error, in any channel
    "monitoring": Retention(30),  # how stages and checks of health change
}
"""What each file is for."""

CAPACITY = 10_000
"""Lines that may wait to be written."""

LEVELS = ("debug", "info", "warning", "error", "critical")

_LOUD, _ERRORS = LEVELS[2:], LEVELS[3:]
_RETRY_S, _CLOSING_S = 1.0, 5.0
_TOLD_EVERY_NS = 10 * SECOND_NS


class Counts(Protocol):
    """Told what becomes of lines: the metrics."""

    def on_line(self, channel: str, level: str) -> None:
        """Count a line."""
        ...

    def on_lines_dropped(self, channel: str, lines: int) -> None:
        """Count lines that did not reach the disk."""
        ...

    def on_queue(self, queue: str, depth: int, capacity: int) -> None:
        """Note how many lines wait."""
        ...


class Logs:
    """The structured logs of one process; a context in which libraries, too, log into them.

    `redaction` makes every line fit to be written down. `tell` is given, as a line of plain text, what a person at the
    terminal should know: whatever the platform itself says at warning or worse, the same event once in ten seconds, and
    each time what somebody did.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        clock_ns: Callable[[], int],
        session: str,
        counts: Counts,
        redaction: Redaction,
        tell: Callable[[str], None] | None = None,
        level: str = "info",
    ) -> None:
        if level not in LEVELS:
            raise ConfigurationError(f"{level!r} is not a level of logs: choose one of {', '.join(LEVELS)}")
        self._folder, self._clock_ns, self._counts, self._tell = folder, clock_ns, counts, tell
        self._redaction = redaction
        self._files: Mapping[str, LogFile] = {}
        self._loggers = {name: self._logger(name, session, level) for name in CHANNELS}
        self._waiting: queue.SimpleQueue[EventDict | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="logs", daemon=True)
        self._closing = threading.Event()
        self._capture = _Capture(self._loggers["application"])
        self._told_ns: dict[str, int] = {}
        self._claim = -1
        self._lost = 0

    def channel(self, name: str) -> Any:
        """Return the logger of a channel: `.info(event, **fields)` and so on, as structlog has it.

        What `structlog.contextvars` has bound, such as the stage of a task, stands in every line of it.
        """
        return self._loggers[name]

    def _logger(self, channel: str, session: str, level: str) -> Any:
        processors: list[structlog.typing.Processor] = [
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            self._timed,
        ]
        bound = structlog.make_filtering_bound_logger(level)
        wrapped = structlog.wrap_logger(_Outlet(self._take), processors=processors, wrapper_class=bound)
        return wrapped.bind(channel=channel, session=session)

    def _timed(self, logger: Any, method: str, line: EventDict) -> tuple[tuple[EventDict], dict[str, Any]]:
        line["time_ns"] = self._clock_ns()
        return (line,), {}

    def _take(self, line: EventDict) -> None:
        """Take a line to be written, or drop it where too many wait already."""
        if self._waiting.qsize() >= CAPACITY and not CHANNELS[line["channel"]].kept:
            self._counts.on_lines_dropped(line["channel"], 1)
        else:
            self._waiting.put(line)

    # ── As a context ─────────────────────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        self._folder, self._claim = claimed_folder(self._folder)
        self._files = {name: LogFile(self._folder, name, kept, self._clock_ns) for name, kept in CHANNELS.items()}
        self._thread.start()
        logging.getLogger().addHandler(self._capture)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, as far as the disk lets it, and say how much is lost."""
        logging.getLogger().removeHandler(self._capture)
        self._closing.set()
        self._waiting.put(None)
        self._thread.join(_CLOSING_S)
        os.close(self._claim)
        lost = self._lost + self._waiting.qsize()
        if lost and self._tell is not None:
            self._tell(
                f"{lost} lines of trading or audit could not be written to {self._folder}: the event log has all"
            )

    # ── In the thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def _write_all(self) -> None:
        while (line := self._waiting.get()) is not None:
            self._counts.on_queue("logs", self._waiting.qsize(), CAPACITY)
            channel = line["channel"]
            try:
                self._write(channel, line)
            except Exception:  # what cannot be written, or told, must not cost the lines behind it
                self._counts.on_lines_dropped(channel, 1)
                logging.getLogger(__name__).exception("a line of %s is lost", channel)
        for file in self._files.values():
            file.close()

    def _write(self, channel: str, line: EventDict) -> None:
        level = line["level"]
        finished = self._finished(line)
        text = msgspec.json.encode(finished) + b"\n"
        self._counts.on_line(channel, level)
        self._to_disk(channel, text)
        if level in _ERRORS and channel != "error":
            self._to_disk("error", text)
        if level in _LOUD and "library" not in finished:
            self._tell_person(finished)

    def _finished(self, line: EventDict) -> dict[str, Any]:
        """Return a line in the order of reading, its time as people write it, and without secrets."""
        time_ns = line.pop("time_ns")
        head = {name: line.pop(name) for name in ("level", "channel", "event")}
        time = ist_datetime(time_ns).isoformat(timespec="microseconds")
        return self._redaction.value({"time": time, "time_ns": time_ns, **head, **line})

    def _to_disk(self, channel: str, text: bytes) -> None:
        """Write a line; one that may not be lost is tried again until it is written, or the process ends."""
        kept = CHANNELS[channel].kept
        while True:
            last = not kept or self._closing.is_set()
            try:
                return self._files[channel].write(text)
            except OSError as error:
                self._tell_person({"time_ns": self._clock_ns(), "level": "error", "event": f"the logs: {error}"})
            if last:
                self._lost += kept
                return self._counts.on_lines_dropped(channel, 1)
            self._closing.wait(_RETRY_S)

    def _tell_person(self, line: Mapping[str, Any]) -> None:
        event, time_ns = str(line["event"]), line["time_ns"]
        lately = time_ns - self._told_ns.get(event, 0) < _TOLD_EVERY_NS
        if self._tell is None or (lately and line.get("channel") != "audit"):
            return
        self._told_ns[event] = time_ns
        shown = {name: value for name, value in line.items() if name not in _UNTOLD}
        self._tell(str(_plain(None, "", {"timestamp": f"{ist_datetime(time_ns):%H:%M:%S}", **shown})))


_UNTOLD = ("time", "time_ns", "channel", "session", "exception", "correlation_id", "causation_id", "id")
_plain = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False, sort_keys=False)


class _Outlet:
    """Where structlog ends: each level hands its line over."""

    def __init__(self, take: Callable[[EventDict], None]) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = take


class _Capture(logging.Handler):
    """Brings what libraries log, at warning or worse, into a channel."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.WARNING)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record over as a line."""
        try:
            level = min(record.levelno // 10 * 10, logging.CRITICAL)
            self._logger.log(level, record.getMessage(), library=record.name, exc_info=record.exc_info)
        except Exception:  # noqa: BLE001  # as every handler does: who logs must not fail of it
            self.handleError(record)
