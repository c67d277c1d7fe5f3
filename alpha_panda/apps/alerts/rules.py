"""What is wrong with a session: each rule measures a picture, and says what follows and what a person is to do.

A rule is a function of what it is given and of nothing else. Names, severities and what is asked of a person are those
of live/observability/alerts.yml and live/RUNBOOK.md wherever they mean the same; a rule that stands in neither names
the section that comes nearest.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import NamedTuple

from alpha_panda.apps.alerts import measures
from alpha_panda.apps.alerts.looks import Look
from alpha_panda.apps.alerts.measures import Measure
from alpha_panda.apps.alerts.models import Priority


def id_of(rule: str, key: str) -> str:
    """Return what the alarm of a rule about `key` is called everywhere."""
    return f"{rule}:{key}" if key else rule


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule with what a person is told; `{key}` in its title stands for what it is about."""

    name: str
    priority: Priority
    title: str
    consequence: str
    action: str
    section: str  # of live/RUNBOOK.md
    measure: Callable[[Look], Iterable[Measure]]
    on_delay_s: float = 0.0  # it must have been so for so long
    off_delay_s: float = 10.0  # and be otherwise for so long
    roots: tuple[str, ...] = ()  # ids of the alarms that explain it
    settled_by_hand: bool = False  # it is so until somebody says that it is dealt with

    def id_of(self, key: str) -> str:
        """Return the id of its alarm about `key`."""
        return id_of(self.name, key)

    def title_of(self, key: str) -> str:
        """Return what is wrong about `key`, in a few words."""
        return self.title.replace("{key}", key)

    def roots_of(self, key: str) -> tuple[str, ...]:
        """Return the ids of the alarms that explain the one about `key`."""
        return tuple(root.replace("{key}", key) for root in self.roots)


class Found(NamedTuple):
    """What a rule found."""

    rule: Rule
    measure: Measure

    @property
    def id(self) -> str:
        """The id of the alarm."""
        return self.rule.id_of(self.measure.key)


_LOG_AWAY = "SourceAway:log"
_SEE_CLOSED = (
    "See that all positions are closed. If they are not within a minute of an open market, kill, and close them at the "
    "broker."
)
_FEED_DEAD = ("StageDown:feed", "StageSilent:feed", "StageFailed:feed")

_STAGES = (
    Rule(
        name="StageDown",
        priority="critical",
        title="The stage {key} is down",
        consequence="Without feed, signals or account nothing is ordered, and stops are not watched either.",
        action=(
            "See why its process does not run: `alpha-panda doctor` checks what it needs. If the machine is lost, "
            "start the same stage with the same --state elsewhere."
        ),
        section="StageDown",
        measure=measures.stages_down,
        on_delay_s=15,
        roots=(_LOG_AWAY,),
    ),
    Rule(
        name="StageSilent",
        priority="critical",
        title="The stage {key} says nothing",
        consequence="Its process has died, or does nothing; what it works on stands still.",
        action="Start the stage again; it recovers.",
        section="StageSilent",
        measure=measures.stages_silent,
        on_delay_s=5,
        roots=(_LOG_AWAY, "StageDown:{key}"),
    ),
    Rule(
        name="StageFailed",
        priority="critical",
        title="The stage {key} has failed",
        consequence="It has stopped by itself, and trying again does not cure it; nothing is half done.",
        action="Do what the reason says, and start the stage again. `alpha-panda verify` tells if the log is sound.",
        section="StageFailed",
        measure=measures.stages_failed,
        roots=(_LOG_AWAY,),
    ),
    Rule(
        name="StageWaiting",
        priority="critical",
        title="The stage {key} waits for what it cannot do without",
        consequence="It skips nothing, so its trading stands still.",
        action=(
            "If the record lies among the dead letters, put it back with `alpha-panda dlq replay`; if its writer is "
            "down, start that."
        ),
        section="StageWaiting",
        measure=measures.stages_waiting,
        on_delay_s=15,
        roots=(_LOG_AWAY, "StageDown:{key}", "StageSilent:{key}"),
    ),
    Rule(
        name="ClockSkew",
        priority="critical",
        title="The clock of {key} cannot be trusted",
        consequence="Ages of prices, leases and latencies are wrong; bars and orders follow the time of the market.",
        action="Start the time service of the machine. Do not set the clock by hand while the session trades.",
        section="ClockSkew",
        measure=measures.clocks,
        on_delay_s=10,
        off_delay_s=60,
        roots=(_LOG_AWAY,),
    ),
)

_MARKET = (
    Rule(
        name="FeedStale",
        priority="high",
        title="The feed says nothing",
        consequence="Nothing opens on a price that is too old; exits go on, at the next price there is.",
        action=(
            "If the exchange trades and the feed does not come back, start the feed again. Close at the broker what "
            "must not wait."
        ),
        section="FeedStale",
        measure=measures.feed_stale,
        off_delay_s=5,
        roots=(_LOG_AWAY, *_FEED_DEAD),
    ),
    Rule(
        name="FeedReconnects",
        priority="low",
        title="The feed does not hold its connection",
        consequence="Each silence is a gap, in which no price is known.",
        action="See that only one process is signed in with this key; if the network is at fault, move the feed.",
        section="FeedReconnects",
        measure=measures.feed_reconnects,
        off_delay_s=60,
    ),
    Rule(
        name="EventsKeptOut",
        priority="low",
        title="Market events broke a rule and were kept out",
        consequence="No strategy and no account saw them.",
        action="Nothing, for one. Many mean a feed that changed its format, or a wrong clock: pause and find out.",
        section="EventsKeptOut",
        measure=measures.events_kept_out,
        off_delay_s=60,
    ),
)

_LOG = (
    Rule(
        name="SourceAway",
        priority="high",
        title="The {key} cannot be read",
        consequence="What is shown of it is as old as its last good look; a kill works all the same.",
        action="Bring it back; nothing needs a restart.",
        section="EventLogErrors",
        measure=measures.sources_away,
        on_delay_s=3,
        off_delay_s=5,
    ),
    Rule(
        name="ScreensStill",
        priority="high",
        title="The screens stand still",
        consequence="All that they show is old; the session goes on without them, and a kill works all the same.",
        action="Start `alpha-panda web` again; until then `alpha-panda status` shows the session.",
        section="PortfolioBehind",
        measure=measures.screens_still,
    ),
    Rule(
        name="LagGrows",
        priority="critical",
        title="The stage {key} is behind and falls back",
        consequence="Orders would come late, and prices too old are refused.",
        action="signals: more processes, up to the number of partitions. account: fewer instruments, a faster machine.",
        section="LagGrows",
        measure=measures.lag_grows,
        on_delay_s=30,
        off_delay_s=30,
        roots=(_LOG_AWAY, "StageDown:{key}", "StageSilent:{key}", "StageFailed:{key}", "StageWaiting:{key}"),
    ),
    Rule(
        name="PortfolioBehind",
        priority="low",
        title="The portfolio is behind",
        consequence="Screens show what was. Trading never reads the store, and goes on.",
        action="Start the stage portfolio again; if it stays behind, the store is slow.",
        section="PortfolioBehind",
        measure=measures.portfolio_behind,
        on_delay_s=60,
        off_delay_s=30,
        roots=(_LOG_AWAY, "StageDown:portfolio", "StageSilent:portfolio", "StageFailed:portfolio"),
    ),
    Rule(
        name="DeadLetters",
        priority="critical",
        title="Records were given up",
        consequence="Of ticks and reports, the stage went on; for an order, a fill or a signal it waits.",
        action=(
            "`alpha-panda dlq list` says which and why. Cure that first, put them back with `alpha-panda dlq replay`, "
            "and then resolve this alarm."
        ),
        section="DeadLetters",
        measure=measures.dead_letters,
        on_delay_s=5,
        settled_by_hand=True,
    ),
)

_ACCOUNT = (
    Rule(
        name="KillEngaged",
        priority="critical",
        title="The kill switch is latched",
        consequence="No order leaves, no exit either: positions stay, and nobody watches their stops.",
        action="Close at the broker what must not stay. When the reason is gone, reset.",
        section="KillEngaged",
        measure=measures.kill_engaged,
        off_delay_s=0,
    ),
    Rule(
        name="AccountHalted",
        priority="critical",
        title="The account has halted itself",
        consequence="Nothing opens any more, and what is open is closed at the market.",
        action=_SEE_CLOSED,
        section="AccountHalted",
        measure=measures.account_halted,
        roots=("DayLossHalts", "DrawdownHalts"),
    ),
    Rule(
        name="AccountUnanswered",
        priority="high",
        title="The account does not carry out what it was told: {key}",
        consequence="What a person commanded has not happened yet.",
        action="Look at the stage account: is it down, or does it wait? The kill latch holds all the same.",
        section="StageSilent",
        measure=measures.account_unanswered,
        on_delay_s=10,
        off_delay_s=2,
        roots=(_LOG_AWAY, "StageDown:account", "StageSilent:account", "StageFailed:account", "StageWaiting:account"),
    ),
    Rule(
        name="PositionsUnwatched",
        priority="critical",
        title="The session was stopped and left positions",
        consequence="Nobody watches their stops, and nothing squares them off.",
        action="Start the session again with the same --state, or close the positions at the broker.",
        section="StageDown",
        measure=measures.positions_unwatched,
        on_delay_s=15,
    ),
    Rule(
        name="AccountPaused",
        priority="low",
        title="The account has been paused for a quarter of an hour",
        consequence="Nothing opens. Exits, stops and the square-off go on.",
        action="Resume, if nobody wants it paused.",
        section="AccountPaused",
        measure=measures.account_paused,
        on_delay_s=900,
        off_delay_s=0,
    ),
    Rule(
        name="DayLossNearLimit",
        priority="high",
        title="The day's loss is close to its limit",
        consequence="At its limit nothing opens for the rest of the day.",
        action="Look which strategy loses, and pause it if that was not to be expected.",
        section="DayLossReduces",
        measure=measures.day_loss_near,
        on_delay_s=5,
        off_delay_s=60,
        roots=("DayLossReduces", "DayLossHalts"),
    ),
    Rule(
        name="DayLossReduces",
        priority="high",
        title="The day's loss has reached its first limit",
        consequence="Nothing opens; positions may only become smaller, until the next day.",
        action="Watch. At the second limit everything is closed.",
        section="DayLossReduces",
        measure=measures.day_loss_reduces,
        off_delay_s=60,
        roots=("DayLossHalts",),
    ),
    Rule(
        name="DayLossHalts",
        priority="critical",
        title="The day's loss has reached its second limit",
        consequence="The account halts for the day, and closes what is open.",
        action=_SEE_CLOSED,
        section="DayLossHalts",
        measure=measures.day_loss_halts,
        off_delay_s=60,
    ),
    Rule(
        name="DrawdownNearLimit",
        priority="high",
        title="The drawdown is close to its limit",
        consequence="At its limit the account halts, and a new day does not release it.",
        action="Decide now, while it is quiet, whether the strategies are to go on. Pause them if not.",
        section="DrawdownNearLimit",
        measure=measures.drawdown_near,
        on_delay_s=5,
        off_delay_s=60,
        roots=("DrawdownHalts",),
    ),
    Rule(
        name="DrawdownHalts",
        priority="critical",
        title="The drawdown has reached its limit",
        consequence="The account halts until a person resets it, and closes what is open.",
        action=_SEE_CLOSED,
        section="AccountHalted",
        measure=measures.drawdown_halts,
        off_delay_s=60,
    ),
    Rule(
        name="RefusalsBurst",
        priority="high",
        title="Signals are refused again and again: {key}",
        consequence="A strategy asks for what the rule does not grant. Nothing went out.",
        action=(
            "A price that is too old: see FeedStale. Too many orders, capital or exposure: pause the strategy. Kill if "
            "refusals are all that stands between a strategy gone wild and the market."
        ),
        section="RefusalsBurst",
        measure=measures.refusals_burst,
        off_delay_s=60,
    ),
    Rule(
        name="StrategyDisabled",
        priority="high",
        title="The strategy {key} was disabled",
        consequence="It opens nothing until somebody resets it; its exits and stops go on.",
        action="See why it was refused so often, then `alpha-panda reset --strategy`.",
        section="RefusalsBurst",
        measure=measures.strategies_disabled,
        off_delay_s=0,
    ),
    Rule(
        name="OrderStuck",
        priority="high",
        title="An order does not come to an end",
        consequence="It holds back capital and limits, and may be filled when nobody wants it any more.",
        action="Look it up in the order book of the broker. Flatten or kill cancels what is at work.",
        section="AccountHalted",
        measure=measures.orders_stuck,
        on_delay_s=5,
        roots=(_LOG_AWAY, "SourceAway:store", "FeedStale", *_FEED_DEAD, "StageDown:account", "StageSilent:account"),
    ),
    Rule(
        name="OrdersSlow",
        priority="low",
        title="Orders come late after their ticks",
        consequence="Prices have moved by the time that an order is made.",
        action="See where the time goes on the page System; if nothing lags, the machine is busy with something else.",
        section="OrdersSlow",
        measure=measures.orders_slow,
        on_delay_s=300,
        off_delay_s=60,
        roots=("LagGrows:account", "LagGrows:signals"),
    ),
)

_MESSAGES = (
    Rule(
        name="NoAlertTarget",
        priority="low",
        title="Nobody is told of alarms",
        consequence="They stand on the screen alone, and wake nobody.",
        action="Name targets in ALPHA_PANDA_ALERTS, as live/README.md says; `alpha-panda alerts test` tries them.",
        section="First",
        measure=measures.no_target,
        off_delay_s=0,
    ),
    Rule(
        name="AlertTargetFails",
        priority="high",
        title="Messages do not arrive: {key}",
        consequence="Alarms stand on the screen, and this target does not hear of them.",
        action="Do what the target answers, and try again with `alpha-panda alerts test`.",
        section="First",
        measure=measures.targets_failing,
        off_delay_s=0,
    ),
    Rule(
        name="AlertsNotKept",
        priority="low",
        title="The database does not take what happens to alarms",
        consequence="Who acknowledged and what was shelved is not kept over a restart, until it is back.",
        action="Bring the database back; what waits is then written.",
        section="First",
        measure=measures.not_kept,
        on_delay_s=5,
    ),
)

RULES: tuple[Rule, ...] = _STAGES + _MARKET + _LOG + _ACCOUNT + _MESSAGES
"""All rules; a figure of the screen that no rule looks at is no reason to call anybody."""
