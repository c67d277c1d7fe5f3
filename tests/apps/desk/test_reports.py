"""What stages say of themselves: whose word counts, for how long, and by which clock."""

import dataclasses

from alpha_panda.apps.desk.reports import Reports, limits_of
from alpha_panda.config import Risk
from alpha_panda.kernels.records import HALTED
from alpha_panda.kernels.risk import DAY_LOSS_HALT
from alpha_panda.live.messages import AccountState, Phase, Place, PnlSnapshot, StageReport
from alpha_panda.units import HOUR_NS, SECOND_NS

NOW_NS = 1_795_000_000 * SECOND_NS
MONEY = {
    "state": 0.0,
    "halt_code": 0.0,
    "equity_e4": 100.0,
    "cash_e4": 100.0,
    "gross_e4": 0.0,
    "day_start_equity_e4": 90.0,
}


@dataclasses.dataclass
class Log:
    """The topic of the reports, read as they come."""

    reports: Reports = dataclasses.field(default_factory=Reports)
    now_ns: int = NOW_NS

    def say(
        self,
        stage: str,
        holder: str = "first",
        phase: Phase = "running",
        equity_e4: float = 100.0,
        offset: int = 0,
        clock_off_ns: int = 0,
        **more: float,
    ) -> None:
        """Let a stage report now, by a clock that may be off."""
        figures = {**MONEY, "equity_e4": equity_e4, **more} if stage == "account" else {"events": 1.0}
        places = (Place("market.ticks", 0, offset),) if stage == "account" else ()
        said = StageReport(stage, (0,), holder, phase, self.now_ns + clock_off_ns, places, figures)
        self.reports.take(said, self.now_ns)

    def pass_time(self, seconds: float = 1.0) -> None:
        self.now_ns += int(seconds * SECOND_NS)

    def phases(self) -> dict[str, tuple[str, str]]:
        """Return who works on each stage, and what is wrong with it."""
        return {each.stage: (each.holder, each.trouble) for each in self.reports.stages(self.now_ns)}


def test_an_account_that_died_is_shown_with_its_age_however_long_the_others_go_on():
    log = Log()
    log.say("account")
    for _ in range(600):
        log.pass_time()
        log.say("feed")
        log.say("signals")
        log.say("portfolio")

    account = log.reports.account()
    assert account is not None
    assert (account.equity_e4, account.reported_ns) == (100, NOW_NS)
    assert log.phases()["account"] == ("first", "silent")


def test_what_a_dead_holder_still_says_is_not_the_account():
    log = Log()
    log.say("account", "first", equity_e4=100.0, offset=10)
    log.pass_time(30)
    log.say("account", "second", equity_e4=70.0, offset=20)
    log.say("account", "first", equity_e4=100.0, offset=10)  # it was stopped, and goes on for a moment
    assert log.reports.figures()["equity_e4"] == 70.0
    log.say("account", "first", "failed", equity_e4=100.0, offset=10)

    assert log.reports.figures()["equity_e4"] == 70.0
    assert log.phases()["account"] == ("second", "")


def test_an_account_that_was_taken_over_is_the_one_that_goes_on():
    log = Log()
    log.say("account", "first", "ended", equity_e4=100.0, offset=10)
    log.pass_time()
    log.say("account", "second", equity_e4=70.0, offset=10)
    assert log.reports.figures()["equity_e4"] == 70.0


def test_a_stage_whose_clock_is_fast_is_silent_all_the_same_when_it_dies():
    log = Log()
    log.say("account", clock_off_ns=HOUR_NS)
    log.pass_time(20)
    assert log.phases()["account"] == ("first", "silent")


def test_a_stage_whose_clock_is_slow_is_not_silent():
    log = Log()
    for _ in range(3):
        log.say("account", clock_off_ns=-HOUR_NS)
        log.pass_time()
    assert log.phases()["account"] == ("first", "")


def test_who_takes_over_from_a_machine_with_a_fast_clock_is_shown():
    log = Log()
    log.say("signals", "first", clock_off_ns=HOUR_NS)
    log.pass_time(30)
    log.say("signals", "second")
    assert log.phases()["signals"] == ("second", "")


def test_what_was_said_long_ago_is_silent_although_it_was_only_read_now():
    reports, long_ago_ns = Reports(), NOW_NS - HOUR_NS
    reports.take(StageReport("account", (0,), "first", "running", long_ago_ns, (), MONEY), long_ago_ns)
    assert [each.trouble for each in reports.stages(NOW_NS) if each.stage == "account"] == ["silent"]


def snapshot(equity_e4: int, state: AccountState = "running") -> PnlSnapshot:
    return PnlSnapshot(1, 100, equity_e4, 0, 0, 0, 0, state)


def test_of_a_report_and_what_was_said_before_it_the_report_counts_whichever_is_read_first():
    log = Log()
    log.say("account", equity_e4=70.0, snapshots=3)
    log.reports.note(2, snapshot(100))
    assert log.reports.figures()["equity_e4"] == 70.0
    log.reports.note(3, snapshot(60, "killed"))
    account = log.reports.account()
    assert account is not None
    assert (account.equity_e4, account.state) == (60, "killed")

    log.say("account", equity_e4=70.0, snapshots=3)  # it was made before, and is read after
    account = log.reports.account()
    assert account is not None
    assert (account.equity_e4, account.state) == (60, "killed")
    log.say("account", equity_e4=55.0, snapshots=4)
    assert log.reports.figures()["equity_e4"] == 55.0


def test_an_account_that_was_reset_has_passed_no_limit_any_more():
    log = Log()
    log.say("account", snapshots=1, halt_code=float(DAY_LOSS_HALT), state=float(HALTED))
    halted = log.reports.account()
    log.reports.note(1, snapshot(100))
    reset = log.reports.account()

    assert halted is not None
    assert reset is not None
    assert (halted.state, halted.halt) == ("halted", "day_loss_halt")
    assert (reset.state, reset.halt) == ("running", "")


def test_limits_count_what_orders_at_work_would_open_and_are_full_where_all_is_lost():
    figures = {**MONEY, "day_base_e4": 100.0, "drawdown_base_e4": 100.0, "gross_e4": 30.0, "opening_e4": 50.0}
    used = {each.name: each.used for each in limits_of(Risk(), {**figures, "positions": 2.0, "opening_positions": 1.0})}
    lost = {each.name: each.used for each in limits_of(Risk(), {**figures, "equity_e4": -5.0})}

    assert (used["gross_fraction"], used["positions"], used["day_loss_halt"]) == (0.8, 3.0, 0.0)
    assert (lost["gross_fraction"], lost["day_loss_halt"], lost["drawdown_halt"]) == (80.0, 1.05, 1.05)


def test_a_frame_that_nobody_here_heard_is_as_old_as_the_feed_says():
    reports = Reports()
    said = StageReport("feed", (0,), "first", "running", NOW_NS, (), {"silent_s": 90.0})
    assert reports.feed_heard_ns() == 0
    reports.take(said, NOW_NS)
    assert reports.feed_heard_ns() == NOW_NS - 90 * SECOND_NS
