"""What is wrong with a session: each rule measures a picture, and says what follows and what a person is to do.

A rule is a function of what it is given and of nothing else. Names, severities and what is asked of a person are those
of live/observability/alerts.yml wherever they mean the same, and each has the section of its name in live/RUNBOOK.md.
"""

from alpha_panda.apps.alerts import measures
from alpha_panda.apps.alerts.account_rules import ACCOUNT_RULES
from alpha_panda.apps.alerts.rule import FEED_DEAD, LOG_AWAY, Rule

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
        measure=measures.stages_down,
        on_delay_s=15,
        roots=(LOG_AWAY,),
    ),
    Rule(
        name="StageSilent",
        priority="critical",
        title="The stage {key} says nothing",
        consequence="Its process has died, or does nothing; what it works on stands still.",
        action="Start the stage again; it recovers.",
        measure=measures.stages_silent,
        on_delay_s=5,
        roots=(LOG_AWAY, "StageDown:{key}"),
    ),
    Rule(
        name="StageFailed",
        priority="critical",
        title="The stage {key} has failed",
        consequence="It has stopped by itself, and trying again does not cure it; nothing is half done.",
        action="Do what the reason says, and start the stage again. `alpha-panda verify` tells if the log is sound.",
        measure=measures.stages_failed,
        roots=(LOG_AWAY,),
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
        measure=measures.stages_waiting,
        on_delay_s=15,
        roots=(LOG_AWAY, "StageDown:{key}", "StageSilent:{key}"),
    ),
    Rule(
        name="ClockSkew",
        priority="critical",
        title="The clock of {key} cannot be trusted",
        consequence="Ages of prices, leases and latencies are wrong; bars and orders follow the time of the market.",
        action="Start the time service of the machine. Do not set the clock by hand while the session trades.",
        measure=measures.clocks,
        on_delay_s=10,
        off_delay_s=60,
        roots=(LOG_AWAY,),
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
        measure=measures.feed_stale,
        on_delay_s=2,
        off_delay_s=5,
        roots=(LOG_AWAY, *FEED_DEAD),
    ),
    Rule(
        name="FeedReconnects",
        priority="low",
        title="The feed does not hold its connection",
        consequence="Each silence is a gap, in which no price is known.",
        action="See that only one process is signed in with this key; if the network is at fault, move the feed.",
        measure=measures.feed_reconnects,
        off_delay_s=60,
    ),
    Rule(
        name="EventsKeptOut",
        priority="low",
        title="Market events broke a rule and were kept out",
        consequence="No strategy and no account saw them.",
        action="Nothing, for one. Many mean a feed that changed its format, or a wrong clock: pause and find out.",
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
        measure=measures.screens_still,
        on_delay_s=2,
    ),
    Rule(
        name="LagGrows",
        priority="critical",
        title="The stage {key} is behind and falls back",
        consequence="Orders would come late, and prices too old are refused.",
        action="signals: more processes, up to the number of partitions. account: fewer instruments, a faster machine.",
        measure=measures.lag_grows,
        on_delay_s=30,
        off_delay_s=30,
        roots=(LOG_AWAY, "StageDown:{key}", "StageSilent:{key}", "StageFailed:{key}", "StageWaiting:{key}"),
    ),
    Rule(
        name="PortfolioBehind",
        priority="low",
        title="The portfolio is behind",
        consequence="Screens show what was. Trading never reads the store, and goes on.",
        action="Start the stage portfolio again; if it stays behind, the store is slow.",
        measure=measures.portfolio_behind,
        on_delay_s=60,
        off_delay_s=30,
        roots=(LOG_AWAY, "StageDown:portfolio", "StageSilent:portfolio", "StageFailed:portfolio"),
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
        measure=measures.dead_letters,
        on_delay_s=5,
        settled_by_hand=True,
    ),
)

_MESSAGES = (
    Rule(
        name="NoAlertTarget",
        priority="low",
        title="Nobody is told of alarms",
        consequence="They stand on the screen alone, and wake nobody.",
        action="Name targets in ALPHA_PANDA_ALERTS, as live/README.md says; `alpha-panda alerts test` tries them.",
        measure=measures.no_target,
        off_delay_s=0,
    ),
    Rule(
        name="AlertTargetFails",
        priority="high",
        title="Messages do not arrive: {key}",
        consequence="Alarms stand on the screen, and this target does not hear of them.",
        action="Do what the target answers, and try again with `alpha-panda alerts test`.",
        measure=measures.targets_failing,
        on_delay_s=90,  # by then a message has been tried again, and again
        off_delay_s=0,
    ),
    Rule(
        name="AlertsNotKept",
        priority="low",
        title="The database does not take what happens to alarms",
        consequence=(
            "Who acknowledged and what was shelved is not kept over a restart, and every web app of the session sends "
            "messages, until it is back."
        ),
        action="Bring the database back; what waits is then written.",
        measure=measures.not_kept,
        on_delay_s=5,
    ),
)

RULES: tuple[Rule, ...] = _STAGES + _MARKET + _LOG + ACCOUNT_RULES + _MESSAGES
"""All rules; a figure of the screen that no rule looks at is no reason to call anybody."""
