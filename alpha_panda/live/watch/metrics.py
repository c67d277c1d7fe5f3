"""The metrics of one process: counted while its stages work, and brought up to date when they are asked for.

A stage that does not run here says nothing: what nobody measured is absent, never zero.
"""

import collections
import math
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from alpha_panda.chain import AccountStage
from alpha_panda.kernels import records
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import Decision, Fill, Gap, OrderUpdate, Phase, Signal, StageReport
from alpha_panda.live.observer import ACCOUNT, FEED, PORTFOLIO, REPORTS_MISSED_S, SESSION, SIGNALS, Inputs, Observer
from alpha_panda.live.session import Blueprint
from alpha_panda.live.streams import DUPLICATE, STALE, UNDECODABLE
from alpha_panda.live.watch.figures import lost
from alpha_panda.live.watch.latency import latencies
from alpha_panda.live.watch.metric_series import MetricSeries
from alpha_panda.live.watchdog import FeedAge
from alpha_panda.units import SECOND_NS, to_rupees
from alpha_panda.words import WORDS

_ALIVE: tuple[Phase, ...] = ("recovering", "running", "waiting")


class Metrics(Observer):
    """Every metric of the table, in a registry of its own; `monotonic` counts ages, `clock_ns` is the machine's.

    `stages` are those of this process: what counts their faults begins at zero, so that the first one is an increase.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        clock_ns: Callable[[], int],
        version: str = "",
        session: str = "",
        stages: Sequence[str] = (),
    ) -> None:
        self._series = MetricSeries(monotonic)
        self._monotonic, self._clock_ns = monotonic, clock_ns
        self._version, self._session = version, session
        self._reports: dict[str, StageReport] = {}
        self._broker = ""
        self._stage: AccountStage | None = None
        self._account = b""  # the bytes of its record after the last step, so that its figures fit together
        self._account_next = 0
        for key in _zeros(stages) if stages else ():
            self._series.of(*key)

    def exposition(self, accept: str = "") -> tuple[str, bytes]:
        """Return the type and the text of all metrics as they are now, in the form that a scraper accepts."""
        self._refresh_reports()
        self._refresh_account()
        return self._series.exposition(accept)

    # ── What the stages do ───────────────────────────────────────────────────────────────────────────────────────────

    def on_began(self, blueprint: Blueprint) -> None:
        """Say what runs."""
        self._series.of("alpha_panda_build_info", self._version, blueprint.code_digest).set(1)
        self._series.of("alpha_panda_session_info", self._session, blueprint.broker, blueprint.feed).set(1)

    def on_recovered(
        self, blueprint: Blueprint, account: AccountStage, frames: int, signals_next: int, account_next: int
    ) -> None:
        """Begin with the account as it was recovered, and show its limits."""
        self._broker, self._stage, self._account = blueprint.broker, account, account.account.tobytes()
        self._account_next = account_next
        risk = blueprint.profile.risk
        for value, *key in (
            (risk.gross_fraction_max, "alpha_panda_exposure_limit_ratio"),
            (risk.drawdown_halt, "alpha_panda_drawdown_limit_ratio"),
            (risk.day_loss_reduce, "alpha_panda_day_loss_limit_ratio", "reduce"),
            (risk.day_loss_halt, "alpha_panda_day_loss_limit_ratio", "halt"),
        ):
            if value > 0:
                name, *action = key
                self._series.of(name, self._broker, *action).set(value)

    def on_frame(self, offset: int, events: int, kept_out: int, time_ns: int) -> None:
        """Count a frame of the feed."""
        self._series.of("alpha_panda_frames_total", FEED).inc()
        self._series.of("alpha_panda_events_total", FEED).inc(events)
        self._series.of("alpha_panda_events_kept_out_total", FEED).inc(kept_out)

    def on_signals(self, next_frame: int, messages: Sequence[Envelope], inputs: Inputs | None = None) -> None:
        """Count what the strategies said."""
        progress = sum(message.type == "signals_progress" for message in messages)
        self._count(SIGNALS, progress, messages, inputs)
        for message in messages:
            if isinstance(message.data, Signal):
                self._series.of("alpha_panda_signals_total", message.data.strategy).inc()

    def on_step(
        self, next_frame: int, steps: int, messages: Sequence[Envelope] = (), inputs: Inputs | None = None
    ) -> None:
        """Count what the account did, and keep its figures as they now are."""
        self._count(ACCOUNT, next_frame - self._account_next, messages, inputs)
        self._account_next = next_frame
        if self._stage is not None:
            self._account = self._stage.account.tobytes()
        for message in messages:
            match message.data:
                case Decision() as said:
                    key = (said.strategy, said.verdict, said.code)
                    self._series.of("alpha_panda_decisions_total", message.broker, *key).inc()
                case OrderUpdate() as said:
                    self._series.of("alpha_panda_orders_total", message.broker, said.strategy, said.status).inc()
                case Fill() as said:
                    self._series.of("alpha_panda_fills_total", message.broker, said.strategy, said.side).inc()
                case _:
                    pass

    def _count(self, stage: str, frames: int, messages: Sequence[Envelope], inputs: Inputs | None) -> None:
        """Count what all stages have in common: what went in, what came out, and how long it took."""
        self._series.of("alpha_panda_frames_total", stage).inc(frames)
        for kind, count in collections.Counter(message.type for message in messages).items():
            self._series.of("alpha_panda_messages_total", kind).inc(count)
        if inputs is None:
            return
        self._series.of("alpha_panda_events_total", stage).inc(inputs.events)
        self._series.of("alpha_panda_step_seconds", stage).observe(self._monotonic() - inputs.began_s)
        for name, seconds in latencies(messages, inputs, self._clock_ns()):
            self._series.of(f"alpha_panda_{name}", stage).observe(seconds)

    # ── What happens to feed, records and stages ─────────────────────────────────────────────────────────────────────

    def on_watched(self, age: FeedAge) -> None:
        """Show what the watchdog of the feed saw."""
        self._series.of("alpha_panda_market_open", FEED).set(age.market_open)
        self._series.age(age.silent_ns / SECOND_NS, "alpha_panda_feed_age_seconds", FEED)
        self._series.age(age.oldest_ns / SECOND_NS, "alpha_panda_feed_oldest_instrument_age_seconds", FEED)

    def on_gap(self, gap: Gap) -> None:
        """Count a silence."""
        self._series.of("alpha_panda_feed_gaps_total", FEED).inc()

    def on_reconnected(self, reason: str) -> None:
        """Count a new connection of the feed."""
        self._series.of("alpha_panda_feed_reconnects_total", FEED).inc()

    def on_conflated(self, ticks: int) -> None:
        """Count ticks given up for later ones."""
        self._series.of("alpha_panda_ticks_conflated_total", FEED).inc(ticks)

    def on_set_aside(self, stage: str, record: Record, reason: str) -> None:
        """Count a record by the word that its reason begins with."""
        word = reason.split(":")[0].replace(" ", "_")
        self._series.of("alpha_panda_records_set_aside_total", stage, word).inc()

    def on_dead_letter(self, topic: str, reason: str) -> None:
        """Count a record that was given up."""
        self._series.of("alpha_panda_dead_letters_total", topic).inc()

    def on_lag(self, stage: str, topic: str, partition: int, records: int) -> None:
        """Show how far a stage is behind."""
        self._series.of("alpha_panda_lag_records", stage, topic, str(partition)).set(records)

    def on_queue(self, queue: str, depth: int, capacity: int) -> None:
        """Show how full a queue is."""
        self._series.of("alpha_panda_queue_depth", queue).set(depth)
        self._series.of("alpha_panda_queue_capacity", queue).set(capacity)

    def on_stage_recovered(self, stage: str) -> None:
        """Count a recovery."""
        self._series.of("alpha_panda_recoveries_total", stage).inc()

    def on_takeover(self, stage: str, partition: int, epoch: int) -> None:
        """Show with which epoch a stage writes."""
        self._series.of("alpha_panda_writer_epoch", stage, str(partition)).set(epoch)

    def on_snapshot(self, stage: str) -> None:
        """Let the age of the stage's snapshot begin anew."""
        self._series.age(0.0, "alpha_panda_snapshot_age_seconds", stage)

    def on_report(self, report: StageReport) -> None:
        """Keep what a stage says of itself."""
        self._reports[report.stage] = report
        self._series.age(0.0, "alpha_panda_stage_report_age_seconds", report.stage)

    def on_log_error(self, stage: str, error: Exception) -> None:
        """Count a failure of the event log."""
        self._series.of("alpha_panda_event_log_errors_total", stage).inc()

    def on_store_error(self, stage: str, error: Exception) -> None:
        """Count a failure of the store."""
        self._series.of("alpha_panda_store_errors_total", stage).inc()

    # ── What happens to the process ──────────────────────────────────────────────────────────────────────────────────

    def on_heartbeat(self) -> None:
        """Note that the event loop turns."""
        self._series.age(0.0, "alpha_panda_loop_heartbeat_age_seconds")

    def on_health_check(self, check: str, passes: bool, reason: str) -> None:
        """Show whether a check of the process's health passes."""
        self._series.of("alpha_panda_health_check", check).set(passes)

    def on_line(self, channel: str, level: str) -> None:
        """Count a line of the structured logs."""
        self._series.of("alpha_panda_log_lines_total", channel, level).inc()

    def on_lines_dropped(self, channel: str, lines: int) -> None:
        """Count lines that did not reach the disk."""
        self._series.of("alpha_panda_log_lines_dropped_total", channel).inc(lines)

    # ── At a scrape ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _refresh_reports(self) -> None:
        for stage, report in list(self._reports.items()):
            age_s = self._series.since("alpha_panda_stage_report_age_seconds", stage)
            up = report.phase in _ALIVE and age_s < REPORTS_MISSED_S
            self._series.of("alpha_panda_stage_up", stage).set(up)
            for phase in typing.get_args(Phase):
                self._series.of("alpha_panda_stage_phase", stage, phase).set(phase == report.phase)

    def _refresh_account(self) -> None:
        if not self._account:
            return
        account, broker = np.frombuffer(self._account, records.ACCOUNT)[0], self._broker
        for name, amount_e4 in _rupees_e4(account).items():
            self._series.of(name, broker).set(to_rupees(amount_e4))
        for name, value in _ratios(account).items():
            self._series.of(name, broker).set(value)
        self._series.of("alpha_panda_positions", broker).set(int(account["positions"]))
        self._series.of("alpha_panda_orders_working", broker).set(int(account["orders_working"]))
        for number, word in WORDS["state"].items():
            self._series.of("alpha_panda_account_state", broker, word).set(number == account["state"])


def _zeros(stages: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the series of faults that stages may have."""
    yield "alpha_panda_event_log_errors_total", SESSION
    for stage in stages:
        for reason in (DUPLICATE, STALE, UNDECODABLE):
            yield "alpha_panda_records_set_aside_total", stage, reason.replace(" ", "_")
    if FEED in stages:
        for name in ("events_kept_out", "feed_gaps", "feed_reconnects", "ticks_conflated"):
            yield f"alpha_panda_{name}_total", FEED
    if PORTFOLIO in stages:
        yield "alpha_panda_store_errors_total", PORTFOLIO


def _rupees_e4(account: Any) -> dict[str, int]:
    """Return the account's amounts; those of the day once there is one."""
    amounts_e4 = {
        "alpha_panda_equity_rupees": account["equity_e4"],
        "alpha_panda_cash_rupees": account["cash_e4"],
        "alpha_panda_realised_pnl_rupees": account["realised_e4"],
        "alpha_panda_unrealised_pnl_rupees": account["unrealised_e4"],
        "alpha_panda_charges_rupees": account["charges"]["total_e4"],
        "alpha_panda_exposure_rupees": account["gross_e4"],
    }
    if account["day_start_ns"]:
        amounts_e4["alpha_panda_day_pnl_rupees"] = account["equity_e4"] - account["day_start_equity_e4"]
    return amounts_e4


def _ratios(account: Any) -> dict[str, float]:
    """Return the account's figures that a limit watches, as fractions."""
    equity_e4, gross_e4 = int(account["equity_e4"]), int(account["gross_e4"])
    ratios = {
        "alpha_panda_exposure_ratio": gross_e4 / equity_e4 if equity_e4 > 0 else math.inf if gross_e4 else 0.0,
        "alpha_panda_drawdown_ratio": lost(int(account["drawdown_base_e4"]), equity_e4),
    }
    if account["day_start_ns"]:
        ratios["alpha_panda_day_loss_ratio"] = lost(int(account["day_base_e4"]), equity_e4)
    return ratios
