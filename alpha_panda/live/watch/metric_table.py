"""Every metric that the platform exposes: its name, its labels, its unit and what it says.

The names follow the field's conventions: base units, the unit last, `_total` on what only ever rises. What belongs to
one stage or one account carries its name, so that a process which does not run it says nothing about it.

Besides these, the process itself is described by the usual `process_*` and `python_*` metrics.
"""

import functools
from typing import Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]

_UNITS = ("seconds", "rupees", "ratio", "records")


class Metric(NamedTuple):
    """One metric."""

    kind: Kind
    name: str
    labels: tuple[str, ...]
    help: str

    @property
    def unit(self) -> str:
        """The word that its name ends with; empty for a mere number."""
        return next((unit for unit in _UNITS if self.name.endswith(f"_{unit}")), "")


def _metric(kind: Kind, name: str, labels: str, help: str) -> Metric:
    return Metric(kind, name, tuple(labels.split()), help)


counter, gauge, histogram = (functools.partial(_metric, kind) for kind in ("counter", "gauge", "histogram"))

METRICS: tuple[Metric, ...] = (
    # What goes through.
    counter("alpha_panda_frames_total", "stage", "Frames of ticks that a stage has finished."),
    counter("alpha_panda_events_total", "stage", "Market events that a stage has finished."),
    counter("alpha_panda_messages_total", "type", "What strategies and account put on the event log, by its type."),
    counter("alpha_panda_signals_total", "strategy", "Targets that a strategy has said."),
    counter(
        "alpha_panda_decisions_total",
        "broker strategy verdict code",
        "Verdicts of the risk rules; code is the rule that clipped or refused, else none.",
    ),
    counter(
        "alpha_panda_orders_total", "broker strategy status", "Changes of orders, by the status that an order came to."
    ),
    counter("alpha_panda_fills_total", "broker strategy side", "Executions."),
    # How long it takes.
    histogram(
        "alpha_panda_tick_to_signal_seconds",
        "stage",
        "From a tick on the event log to a signal that it caused on the event log.",
    ),
    histogram(
        "alpha_panda_tick_to_decision_seconds",
        "stage",
        "From a tick on the event log to a verdict of the risk rules that it caused on the event log.",
    ),
    histogram(
        "alpha_panda_tick_to_order_seconds",
        "stage",
        "From a tick on the event log to an order that it caused on the event log.",
    ),
    histogram(
        "alpha_panda_step_seconds",
        "stage",
        "What a stage takes for one step, from records read to effects acknowledged.",
    ),
    # The feed.
    gauge("alpha_panda_market_open", "stage", "1 while a session of the market is open, else 0."),
    gauge("alpha_panda_feed_age_seconds", "stage", "Time since any tick came in."),
    gauge(
        "alpha_panda_feed_oldest_instrument_age_seconds",
        "stage",
        "Time since the last tick of the instrument that has been silent for longest.",
    ),
    counter("alpha_panda_feed_gaps_total", "stage", "Silences of the feed that were recorded as gaps."),
    counter("alpha_panda_feed_reconnects_total", "stage", "Times that the feed was connected anew."),
    counter(
        "alpha_panda_events_kept_out_total",
        "stage",
        "Market events that break a rule of the chain and were not let in.",
    ),
    counter(
        "alpha_panda_ticks_conflated_total",
        "stage",
        "Ticks given up for a later one of the same instrument, since the stages could not keep up.",
    ),
    # The event log and the store.
    gauge("alpha_panda_lag_records", "stage topic partition", "Records of a partition that a stage has still to read."),
    gauge("alpha_panda_queue_depth", "queue", "Entries that wait in a queue of the process."),
    gauge("alpha_panda_queue_capacity", "queue", "Entries that a queue of the process can hold."),
    counter(
        "alpha_panda_records_set_aside_total",
        "stage reason",
        "Records that a stage did not apply: duplicate, stale_writer or undecodable.",
    ),
    counter("alpha_panda_dead_letters_total", "topic", "Records given up and put on the dead letters of their topic."),
    counter("alpha_panda_event_log_errors_total", "stage", "Calls of the event log that failed."),
    counter("alpha_panda_store_errors_total", "stage", "Calls of the portfolio store that failed."),
    counter("alpha_panda_recoveries_total", "stage", "Times that a stage recovered, its start among them."),
    gauge(
        "alpha_panda_writer_epoch",
        "stage partition",
        "The epoch with which a stage writes: it rises whenever another process takes over.",
    ),
    gauge("alpha_panda_snapshot_age_seconds", "stage", "Time since a stage's last snapshot."),
    # The account.
    gauge(
        "alpha_panda_account_state",
        "broker state",
        "1 for what the account is, else 0: running, reducing, paused, halted or killed.",
    ),
    gauge("alpha_panda_equity_rupees", "broker", "Cash and positions at their last prices."),
    gauge("alpha_panda_cash_rupees", "broker", "Cash."),
    gauge("alpha_panda_realised_pnl_rupees", "broker", "Gains less losses, before charges."),
    gauge("alpha_panda_unrealised_pnl_rupees", "broker", "The same of open positions."),
    gauge("alpha_panda_charges_rupees", "broker", "Brokerage, taxes and fees paid."),
    gauge("alpha_panda_day_pnl_rupees", "broker", "Equity gained since the day began, net."),
    gauge("alpha_panda_exposure_rupees", "broker", "Sum of positions, long and short alike."),
    gauge("alpha_panda_exposure_ratio", "broker", "Exposure as a fraction of the equity."),
    gauge(
        "alpha_panda_exposure_limit_ratio",
        "broker",
        "The exposure at which nothing more opens; absent where it is switched off.",
    ),
    gauge("alpha_panda_drawdown_ratio", "broker", "Equity lost since its peak or a reset, of that then."),
    gauge(
        "alpha_panda_drawdown_limit_ratio",
        "broker",
        "The drawdown that halts the account; absent where it is switched off.",
    ),
    gauge(
        "alpha_panda_day_loss_ratio",
        "broker",
        "Equity lost since the day began or a reset, of that then; 0 on a day that gained.",
    ),
    gauge(
        "alpha_panda_day_loss_limit_ratio",
        "broker action",
        "The day's loss at which the account does as action says, reduce or halt; absent where it is switched off.",
    ),
    gauge("alpha_panda_positions", "broker", "Books with a position."),
    gauge("alpha_panda_orders_working", "broker", "Orders at work."),
    # The process and its stages.
    gauge("alpha_panda_stage_up", "stage", "1 while a stage reports, and has neither ended nor failed, else 0."),
    gauge(
        "alpha_panda_stage_phase",
        "stage phase",
        "1 for what a stage says it does: recovering, running, waiting, stopped, ended or failed.",
    ),
    gauge(
        "alpha_panda_stage_report_age_seconds", "stage", "Time since a stage last reported; it does so once a second."
    ),
    gauge("alpha_panda_loop_heartbeat_age_seconds", "", "Time since the event loop last turned."),
    gauge("alpha_panda_health_check", "check", "1 for a check of /health/ready that passes, else 0."),
    counter("alpha_panda_log_lines_total", "channel level", "Lines of the structured logs."),
    counter(
        "alpha_panda_log_lines_dropped_total",
        "channel",
        "Lines of the structured logs that were dropped, since the disk could not keep up.",
    ),
    gauge(
        "alpha_panda_build_info",
        "version code_digest",
        "Always 1: the version, and the digest of the kernels and strategies that run.",
    ),
    gauge(
        "alpha_panda_session_info",
        "session broker feed",
        "Always 1: the session, whose account trades, and where its events come from.",
    ),
)

LATENCY_BUCKETS_S = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0),
)
"""Upper bounds of the latency histograms, close together around the 10 ms that a tick may take to its order."""


def sample_names() -> tuple[str, ...]:
    """Return the name of every series of the platform, as a scrape shows it: a histogram has three."""
    endings = {"histogram": ("_bucket", "_sum", "_count")}
    return tuple(metric.name + ending for metric in METRICS for ending in endings.get(metric.kind, ("",)))
