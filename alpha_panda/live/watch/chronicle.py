"""What a session did, as lines of the structured logs: in which channel, at which level, with which ids."""

from collections.abc import Callable, Sequence

from alpha_panda.chain import AccountStage
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import Control, Decision, Fill, Gap, OrderUpdate, Signal, StageReport
from alpha_panda.live.observer import ACCOUNT, FEED, SIGNALS, Inputs, Observer
from alpha_panda.live.session import Blueprint
from alpha_panda.live.watch.logs import Logs
from alpha_panda.live.watchdog import MARKET, FeedAge
from alpha_panda.units import SECOND_NS, ist_datetime

SLOW_STEP_S = 1.0
"""A step that took longer is worth a line: it should be a hundredth of that."""

_BAD_PHASES = ("waiting", "failed")


class Chronicle(Observer):
    """Writes lines about what happens; `monotonic` is the clock that steps are measured on."""

    def __init__(self, logs: Logs, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._application, self._trading, self._audit = map(logs.channel, ("application", "trading", "audit"))
        self._market_data, self._database = logs.channel("market_data"), logs.channel("database")
        self._performance, self._monitoring = logs.channel("performance"), logs.channel("monitoring")
        self._phases: dict[str, str] = {}
        self._watched = (False, frozenset[str]())

    # ── What the stages do ───────────────────────────────────────────────────────────────────────────────────────────

    def on_began(self, blueprint: Blueprint) -> None:
        """Tell what the process works on."""
        strategies = blueprint.names.strategies
        what = {"broker": blueprint.broker, "feed": blueprint.feed, "strategies": strategies}
        self._audit.info("the process began", **what, code_digest=blueprint.code_digest, origin=blueprint.origin)

    def on_recovered(
        self, blueprint: Blueprint, account: AccountStage, frames: int, signals_next: int, account_next: int
    ) -> None:
        """Tell where the account goes on."""
        state = {"frames": frames, "account_next": account_next, "ledger_hash": account.ledger_hash()}
        self._application.info("the account goes on", stage=ACCOUNT, broker=blueprint.broker, **state)

    def on_frame(self, offset: int, events: int, kept_out: int, time_ns: int) -> None:
        """Tell of events that were not let in."""
        if kept_out:
            self._market_data.warning("events kept out", stage=FEED, frame=offset, events=kept_out)

    def on_feed_over(self, stopped: bool) -> None:
        """Tell that the feed says no more."""
        self._application.info("the feed was stopped" if stopped else "the feed has ended", stage=FEED)

    def on_signals(self, next_frame: int, messages: Sequence[Envelope], inputs: Inputs | None = None) -> None:
        """Tell of each signal."""
        self._tell_each(SIGNALS, messages)
        self._tell_slowness(SIGNALS, inputs)

    def on_step(
        self, next_frame: int, steps: int, messages: Sequence[Envelope] = (), inputs: Inputs | None = None
    ) -> None:
        """Tell of each decision, order and fill."""
        self._tell_each(ACCOUNT, messages)
        self._tell_slowness(ACCOUNT, inputs)

    def _tell_each(self, stage: str, messages: Sequence[Envelope]) -> None:
        """Write the way of each order, which the ids join from line to line and the correlation id from end to end."""
        for message in messages:
            if isinstance(message.data, Signal | Decision | OrderUpdate | Fill):
                self._trading.info(
                    message.type,
                    stage=stage,
                    broker=message.broker,
                    id=message.id,
                    correlation_id=message.correlation_id,
                    causation_id=message.causation_id,
                    market_time=ist_datetime(message.time_ns).isoformat(timespec="microseconds"),
                    data=message.data,
                )

    def _tell_slowness(self, stage: str, inputs: Inputs | None) -> None:
        took_s = self._monotonic() - inputs.began_s if inputs else 0.0
        if inputs and took_s > SLOW_STEP_S:
            frames = len(inputs.appended_ns)
            self._performance.warning(
                "a step was slow", stage=stage, seconds=round(took_s, 3), events=inputs.events, frames=frames
            )

    def on_command(self, command: Control, time_ns: int) -> None:
        """Tell who commanded what."""
        self._audit.warning("a command was carried out", stage=ACCOUNT, data=command)

    # ── What happens to the feed ─────────────────────────────────────────────────────────────────────────────────────

    def on_watched(self, age: FeedAge) -> None:
        """Tell when the market opens and closes, and which instruments fall silent."""
        was_open, were_stale = self._watched
        self._watched = age.market_open, frozenset(age.stale)
        if age.market_open != was_open:
            self._market_data.info("the market is open" if age.market_open else "the market is closed", stage=FEED)
        if fresh := sorted(self._watched[1] - were_stale):
            self._market_data.debug("prices grew stale", stage=FEED, instruments=len(fresh), first=fresh[:10])

    def on_gap(self, gap: Gap) -> None:
        """Tell of a silence, of the whole market or of one instrument."""
        tell = self._market_data.warning if gap.instrument_token == MARKET else self._market_data.info
        tell(
            "the feed was silent",
            stage=FEED,
            instrument_token=gap.instrument_token,
            seconds=round((gap.until_ns - gap.from_ns) / SECOND_NS, 3),
            since=ist_datetime(gap.from_ns).isoformat(timespec="milliseconds"),
        )

    def on_reconnected(self, reason: str) -> None:
        """Tell of a new connection."""
        self._market_data.warning("the feed was connected anew", stage=FEED, reason=reason)

    def on_conflated(self, ticks: int) -> None:
        """Tell of ticks given up."""
        self._market_data.info("ticks were given up for later ones", stage=FEED, ticks=ticks)

    # ── What happens to records and stages ───────────────────────────────────────────────────────────────────────────

    def on_set_aside(self, stage: str, record: Record, reason: str) -> None:
        """Tell of a record that was not applied."""
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        self._application.warning("a record was set aside", stage=stage, **place, reason=reason)

    def on_dead_letter(self, topic: str, reason: str) -> None:
        """Tell of a record that was given up."""
        self._application.error("a record was given up: see alpha-panda dlq list", topic=topic, reason=reason)

    def on_stage_recovered(self, stage: str) -> None:
        """Tell that a stage works from now on."""
        self._application.info("a stage has recovered", stage=stage)

    def on_takeover(self, stage: str, partition: int, epoch: int) -> None:
        """Tell that a stage writes from now on."""
        self._audit.info("a partition was taken over", stage=stage, partition=partition, epoch=epoch)

    def on_snapshot(self, stage: str) -> None:
        """Tell of a snapshot to whoever looks for the cause of a fault."""
        self._application.debug("a snapshot was taken", stage=stage)

    def on_report(self, report: StageReport) -> None:
        """Tell when a stage comes to do something else."""
        if self._phases.get(report.stage) == report.phase:
            return
        self._phases[report.stage] = report.phase
        tell = self._monitoring.warning if report.phase in _BAD_PHASES else self._monitoring.info
        tell(f"a stage is {report.phase}", stage=report.stage, partitions=report.partitions, note=report.note)

    def on_log_error(self, stage: str, error: Exception) -> None:
        """Tell of a failure of the event log."""
        self._database.error("the event log failed", stage=stage, error=error)

    def on_store_error(self, stage: str, error: Exception) -> None:
        """Tell of a failure of the store."""
        self._database.error("the portfolio store failed", stage=stage, error=error)

    def on_health_check(self, check: str, passes: bool, reason: str) -> None:
        """Tell how a check of the process's health has changed."""
        tell = self._monitoring.info if passes else self._monitoring.warning
        tell(f"a health check {'passes' if passes else 'fails'}: {check}", reason=reason)
