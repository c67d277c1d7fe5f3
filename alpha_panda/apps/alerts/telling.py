"""What people are told of alarms, in plain text: one that is raised, all clear, and a test."""

from collections.abc import Iterable, Sequence

from alpha_panda.apps.alerts.channels import Kind, Message
from alpha_panda.apps.alerts.models import Alert, Delivery
from alpha_panda.units import ist_datetime

_LONGEST = 1_000  # characters
_KINDS: dict[str, Kind] = {"critical": "failure", "high": "warning", "low": "info"}


def alarm_message(alert: Alert, times: int) -> Message:
    """Return what is said of an alarm, for the how-manieth time."""
    again = "still " if times > 1 else ""
    chatter = f" It comes and goes: {alert.count} times." if alert.chattering else ""
    over = "" if alert.present else " It is no longer so."
    lines = (
        f"{alert.title}: {_cut(_line(alert.cause))}.{chatter}{over}",
        alert.consequence,
        f"Do: {alert.action}",
        f"Since {_clock(alert.raised_ns)} IST; live/RUNBOOK.md, section {alert.section}; alarm {alert.id}.",
    )
    title = f"{alert.session}: {again}{alert.priority} {_line(alert.id)}"
    return Message(title, "\n".join(map(_line, lines)), _KINDS[alert.priority])


def all_clear_message(session: str, ids: Iterable[str], now_ns: int) -> Message:
    """Return what is said once nothing is so any more of what people were told."""
    named = _cut(", ".join(map(_line, ids)))
    return Message(f"{session}: all clear", f"Returned by {_clock(now_ns)} IST: {named}.", "success")


def test_message(session: str, who: str, now_ns: int) -> Message:
    """Return a message that says nothing but that messages arrive."""
    body = f"Sent by {_line(who)} at {_clock(now_ns)} IST. Messages about alarms arrive here; nothing needs to be done."
    return Message(f"{session}: test", body, "info")


def arrived(deliveries: Sequence[Delivery]) -> str:
    """Return how many targets took a message, and why the others did not."""
    troubles = "".join(f"; {each.target}: {each.trouble}" for each in deliveries if not each.delivered)
    return f"{sum(each.delivered for each in deliveries)} of {len(deliveries)} targets took it{troubles}"


def _line(text: str) -> str:
    """Return text of whoever wrote it on one line."""
    return " ".join(text.split())


def _cut(text: str) -> str:
    """Return text no longer than a message can be; the screen has all of it."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _clock(time_ns: int) -> str:
    return f"{ist_datetime(time_ns):%Y-%m-%d %H:%M:%S}"
