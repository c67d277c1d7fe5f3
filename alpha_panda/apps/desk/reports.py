"""What the stages said of themselves, as the screens show it: the stages, the account, and how near its limits are."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_args

from alpha_panda.apps.desk.models import Account, Delay, Feed, Latency, Limit, Stage
from alpha_panda.config import Risk
from alpha_panda.kernels.risk import CODES
from alpha_panda.live.messages import AccountState, Payload, PnlSnapshot, StageReport
from alpha_panda.live.observer import ACCOUNT, FEED, REPORTS_MISSED_S
from alpha_panda.live.watch.figures import lost
from alpha_panda.live.watch.overview import shown_reports
from alpha_panda.units import SECOND_NS
from alpha_panda.words import WORDS

_PROCESSES = 256
_AT_WORK = ("recovering", "running", "waiting")
_ACCOUNT_COUNTS = ("positions", "orders_working", "orders_made", "approved", "refused", "fills", "signals", "events")
_ACCOUNT_E4 = ("realised_e4", "unrealised_e4", "charges_e4")
_MONEY = "equity_e4"
_SAID_E4 = (_MONEY, "cash_e4", "gross_e4", *_ACCOUNT_E4)  # what every snapshot of the account says


class Reports:
    """The latest report of each process at each stage, and how far in the market each has come."""

    def __init__(self) -> None:
        self.markets_ns: dict[tuple[str, str], int] = {}  # how far each stage has come, as somebody looked it up
        self._latest: dict[tuple[str, str], StageReport] = {}  # by stage and holder, the latest last
        self._heard_ns: dict[tuple[str, str], int] = {}  # when that was, by the clock of this process
        self._rates: dict[tuple[str, str], float] = {}
        self._account: StageReport | None = None  # the last one with figures that counted
        self._snapshot: tuple[int, PnlSnapshot] | None = None  # the last one, with its sequence

    def note(self, sequence: int, snapshot: PnlSnapshot) -> None:
        """Keep what the account said last between reports: with every command that it obeys, and each market minute."""
        self._snapshot = sequence, snapshot

    def take(self, report: StageReport, heard_ns: int) -> None:
        """Keep a report, and how many events its stage took up a second since the last one.

        `heard_ns` is when it was said, by the clock of this process.
        """
        key = (report.stage, report.holder)
        before = self._latest.pop(key, None)
        self._latest[key], self._heard_ns[key] = report, heard_ns
        if len(self._latest) > _PROCESSES:
            for kept in (self._heard_ns, self._rates, self.markets_ns):
                kept.pop(next(iter(self._latest)), None)
            del self._latest[next(iter(self._latest))]
        if report is self._counted():
            self._account = report
        if before is not None and {"events"} <= before.figures.keys() & report.figures.keys():
            elapsed_s = (report.reported_ns - before.reported_ns) / SECOND_NS
            if elapsed_s > 0:
                events = report.figures["events"] - before.figures["events"]
                self._rates[key] = max(events / elapsed_s, 0.0)

    def shown(self) -> list[tuple[str, StageReport | None]]:
        """Return the report that counts of each process at each stage; None where a stage never reported."""
        return shown_reports(self._latest.values(), lambda report: self._heard_ns[report.stage, report.holder])

    def reported(self) -> Mapping[str, float]:
        """Return what the account last reported, all of one moment; nothing before it did."""
        return self._account.figures if self._account is not None else {}

    def figures(self) -> Mapping[str, float]:
        """Return what the account last reported, with what it said since; nothing before it did."""
        reported, since = self.reported(), self._said_since()
        return {**reported, **{name: float(getattr(since, name)) for name in _SAID_E4}} if since else reported

    def _said_since(self) -> PnlSnapshot | None:
        """Return what the account said after its last report, whichever of the two was read first."""
        if self._account is None or self._snapshot is None:
            return None
        sequence, snapshot = self._snapshot
        return snapshot if sequence >= self._account.figures.get("snapshots", math.inf) else None

    def _counted(self) -> StageReport | None:
        """Return the report of whoever has come furthest with the account; who was taken over may speak once more."""
        told = [each for _, each in self.shown() if each is not None and says_money(each)]
        return max(reversed(told), key=_progress, default=None)

    def stages(self, now_ns: int) -> tuple[Stage, ...]:
        """Return the stages as they are shown at `now_ns`."""
        return tuple(self._stage(stage, report, now_ns) for stage, report in self.shown())

    def _stage(self, stage: str, report: StageReport | None, now_ns: int) -> Stage:
        if report is None:
            report, phase, age_s, trouble = StageReport(stage, (), "", "waiting", 0, (), {}), "unknown", 0.0, "silent"
        else:
            phase, age_s = report.phase, max(now_ns - self._heard_ns[stage, report.holder], 0) / SECOND_NS
            silent = phase in _AT_WORK and age_s > REPORTS_MISSED_S
            trouble = "failed" if phase == "failed" else "silent" if silent else ""
        return Stage(
            stage=stage,
            holder=report.holder,
            partitions=report.partitions,
            phase=phase,
            reported_ns=report.reported_ns,
            age_s=age_s,
            lag=int(report.figures["lag"]) if "lag" in report.figures else None,
            market_ns=self.markets_ns.get((stage, report.holder), 0),
            events_a_second=self._rates.get((stage, report.holder)),
            trouble=trouble,
            note=report.note,
            delays=tuple(_delays(report.figures)),
            set_aside=int(report.figures.get("set_aside", 0)),
            dead_letters=int(report.figures.get("dead_letters", 0)),
            figures=dict(report.figures),
        )

    def account(self) -> Account | None:
        """Return the account; None before it has reported."""
        report = self._account
        if report is None:
            return None
        figures, said = self.figures(), self._said_since()
        base_e4 = int(figures["day_start_equity_e4"])
        told: dict[str, Any] = {name: int(figures[name]) for name in _ACCOUNT_COUNTS + _ACCOUNT_E4 if name in figures}
        state = said.state if said else cast(AccountState, WORDS["state"][int(figures["state"])])
        # One that was reset since its report has passed no limit any more.
        halts = figures.get("halt_code") and state != "running"
        return Account(
            state=state,
            halt=CODES[int(figures["halt_code"])] if halts else "",
            reported_ns=report.reported_ns,
            market_ns=self.markets_ns.get((ACCOUNT, report.holder), 0),
            equity_e4=int(figures["equity_e4"]),
            cash_e4=int(figures["cash_e4"]),
            gross_e4=int(figures["gross_e4"]),
            # Before the first day there is nothing to measure from.
            day_pnl_e4=int(figures["equity_e4"]) - base_e4 if base_e4 else 0,
            **told,
        )

    def _feed_report(self) -> StageReport | None:
        return next((each for stage, each in reversed(self.shown()) if stage == FEED), None)

    def feed_heard_ns(self) -> int:
        """Return when the last frame came by what the feed says, or when it began to wait for one; 0 where it does not.

        That is by the clock of this process: of the feed's only differences count.
        """
        report = self._feed_report()
        if report is None or "silent_s" not in report.figures:
            return 0
        return self._heard_ns[FEED, report.holder] - int(report.figures["silent_s"] * SECOND_NS)

    def feed(self, market_ns: int, heard_ns: int, market_open: bool | None, gaps: int) -> Feed:
        """Return the feed, with the counts of its stage."""
        report = self._feed_report()
        figures: Mapping[str, float] = report.figures if report is not None else {}
        counts = {name: int(figures.get(name, 0)) for name in ("reconnects", "kept_out")}
        return Feed(market_ns=market_ns, heard_ns=heard_ns, market_open=market_open, gaps=gaps, **counts)


def says_money(said: Payload) -> bool:
    """Return whether this is a report of the account with its figures."""
    return isinstance(said, StageReport) and said.stage == ACCOUNT and _MONEY in said.figures


def _progress(report: StageReport) -> int:
    return sum(place.offset for place in report.places)


def _delays(figures: Mapping[str, float]) -> Iterator[Delay]:
    for name in get_args(Latency):
        told = {each: figures.get(f"{name}_seconds.{each}") for each in ("p50", "p99", "max", "count")}
        if told["count"]:
            yield Delay(
                name=name,
                p50_s=told["p50"] or 0.0,
                p99_s=told["p99"] or 0.0,
                max_s=told["max"] or 0.0,
                count=int(told["count"]),
            )


def limits_of(risk: Risk, figures: Mapping[str, float]) -> tuple[Limit, ...]:
    """Return how much of each limit is used, by what the account reported at one moment; none before it did.

    What orders at work would open counts as opened, as in the risk rules: they let nothing open beyond it either.
    """
    if not {"equity_e4", "day_base_e4", "drawdown_base_e4"} <= figures.keys():
        return ()
    equity_e4, gross_e4 = figures["equity_e4"], figures["gross_e4"] + figures.get("opening_e4", 0.0)
    day_loss = lost(figures["day_base_e4"], equity_e4)
    drawdown = lost(figures["drawdown_base_e4"], equity_e4)
    gross = gross_e4 / max(equity_e4, 1.0)  # where all is lost, whatever is held is too much
    positions = figures.get("positions", 0.0) + figures.get("opening_positions", 0.0)
    orders = figures.get("orders_working", 0.0)
    shown: Sequence[tuple[str, float, float, bool, str]] = (
        ("day_loss_reduce", day_loss, risk.day_loss_reduce, True, "nothing opens for the rest of the day"),
        ("day_loss_halt", day_loss, risk.day_loss_halt, True, "everything is closed for the rest of the day"),
        ("drawdown_halt", drawdown, risk.drawdown_halt, True, "everything is closed until a person resets it"),
        ("gross_fraction", gross, risk.gross_fraction_max, True, "nothing opens beyond it"),
        ("positions", positions, float(risk.positions_max), False, "no further position opens"),
        ("open_orders", orders, float(risk.open_orders_max), False, "no further order is made"),
    )
    names = ("name", "used", "allowed", "is_ratio", "action")
    return tuple(Limit.model_validate(dict(zip(names, row, strict=True))) for row in shown)
