"""What a database and a watch over alarms would tell the pages, made up and consistent with the example."""

from collections.abc import Sequence

from alpha_panda.apps.alerts.models import AlarmBoard, Alert, Channel
from alpha_panda.database.alerts import AlertRow
from alpha_panda.database.audit import AuditRow
from alpha_panda.database.strategies import StrategyVersion
from alpha_panda.units import SECOND_NS
from tests.apps.dashboard.example import NOW_NS


def example_alert(**fields: object) -> Alert:
    """Return an alarm of the example, with some fields changed."""
    return Alert.model_validate(
        {
            "id": "stage_silent:signals",
            "number": 7,
            "session": "2025-11-21-paper",
            "rule": "stage_silent",
            "key": "signals",
            "priority": "critical",
            "state": "unacknowledged",
            "present": True,
            "title": "The stage signals is silent",
            "cause": "It last reported 12.4 s ago; 5 s are allowed.",
            "consequence": "No strategy sees the market: positions are held by their guards alone.",
            "action": "Look at its log; start it again if its process is gone.",
            "section": "A stage is silent",
            "figure": 12.4,
            "limit": 5.0,
            "count": 1,
            "chattering": False,
            "root": "",
            "raised_ns": NOW_NS - 40 * SECOND_NS,
            "returned_ns": 0,
            "deadline_ns": NOW_NS + 260 * SECOND_NS,
            "acknowledged_ns": 0,
            "acknowledged_by": "",
            "shelved_until_ns": 0,
            "shelved_by": "",
            "shelved_reason": "",
            **fields,
        }
    )


def example_board(**fields: object) -> AlarmBoard:
    """Return a board with an alarm of each kind."""
    alerts = (
        example_alert(),
        example_alert(
            id="day_loss",
            rule="day_loss",
            key="",
            priority="high",
            state="acknowledged",
            title="The day's loss nears its limit",
            cause="0.82 % of the equity is lost; at 1 % the account only reduces.",
            acknowledged_by="asha",
            acknowledged_ns=NOW_NS - 20 * SECOND_NS,
            count=3,
        ),
        example_alert(
            id="lag:signals",
            rule="lag",
            priority="low",
            state="suppressed",
            title="The stage signals is behind",
            root="stage_silent:signals",
        ),
    )
    channels = (
        Channel(service="Telegram", target="tgram://1…", well=True, trouble="", tried_ns=NOW_NS, delivered_ns=NOW_NS),
        Channel(
            service="E-mail",
            target="mailto://desk",
            well=False,
            trouble="the server refused it",
            tried_ns=NOW_NS,
            delivered_ns=0,
        ),
    )
    return AlarmBoard.model_validate(
        {
            "number": 3,
            "taken_ns": NOW_NS,
            "alerts": alerts,
            "critical": 1,
            "high": 1,
            "low": 0,
            "unacknowledged": 1,
            "lately": 3,
            "flood": False,
            "channels": channels,
            "kept": True,
            **fields,
        }
    )


class Recorded:
    """A database as far as the pages read it."""

    @property
    def audit(self) -> "Recorded":
        """The audit trail."""
        return self

    @property
    def alerts(self) -> "RecordedAlerts":
        """The alarms that were kept."""
        return RecordedAlerts()

    @property
    def strategies(self) -> "RecordedStrategies":
        """What operators set."""
        return RecordedStrategies()

    async def list(self, limit: int = 100) -> Sequence[AuditRow]:
        """Return what two people did."""
        deeds = (("asha", "control.pause", "breakout", "asked"), ("ravi", "alert.acknowledge", "day_loss", "done"))
        return [
            AuditRow(
                id=number,
                time_ns=NOW_NS - number * 60 * SECOND_NS,
                who=who,
                action=action,
                target=target,
                detail="gap in the feed",
                outcome=outcome,
                correlation_id="c",
                address="127.0.0.1",
            )
            for number, (who, action, target, outcome) in enumerate(deeds, 1)
        ][:limit]


class RecordedAlerts:
    """The alarms that were kept."""

    async def list(self, states: object, limit: int) -> Sequence[AlertRow]:
        """Return one that is over."""
        row = AlertRow(
            id=5,
            rule="feed_stale",
            key="",
            severity="high",
            title="The feed is stale",
            detail="no event for 11 s",
            figures={},
            state="resolved",
            count=2,
            first_ns=NOW_NS - 3_600 * SECOND_NS,
            last_ns=NOW_NS - 3_500 * SECOND_NS,
            acknowledged_by="asha",
            acknowledged_ns=NOW_NS - 3_550 * SECOND_NS,
            resolved_by=None,
            resolved_ns=NOW_NS - 3_400 * SECOND_NS,
        )
        return [row][:limit]


class RecordedStrategies:
    """What operators set."""

    async def history(self, name: str) -> Sequence[StrategyVersion]:
        """Return the one version of the trend strategy."""
        version = StrategyVersion(
            name=name,
            version=1,
            digest="4be2c1",
            terms={"name": name},
            enabled=True,
            who="asha",
            reason="calmer after the budget",
            created_ns=NOW_NS - 86_400 * SECOND_NS,
        )
        return [version] if name == "trend" else []
