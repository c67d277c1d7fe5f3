"""What is shown of alarms: the words of the dashboard, of the API and of the messages that are sent.

An alarm is something that a person has to do something about; all else is an event, and stands on the tape.
"""

from typing import Literal

from alpha_panda.apps.desk.models import Shown, TimeNs

Priority = Literal["critical", "high", "low"]
"""Critical: now. High: within minutes. Low: today; it is shown and never sent."""

AlertState = Literal["unacknowledged", "acknowledged", "returned", "shelved", "suppressed", "resolved"]
"""What has become of an alarm.

- `unacknowledged`: it is so, and nobody has said that they know.
- `acknowledged`: it is so, and somebody knows.
- `returned`: it is no longer so, and nobody has said that they knew.
- `shelved`: somebody does not want to see it until a time.
- `suppressed`: another alarm explains it, its `root`.
- `resolved`: it is no longer so, and somebody knew; it stands in the history.
"""


class Alert(Shown):
    """One alarm, as it stands."""

    id: str  # its rule, and behind a colon what it is about; the same on the screen and in each message
    number: int | None  # of its row in the database; None where that has not been written yet
    session: str
    rule: str
    key: str  # what it is about, such as a stage; empty where the rule leaves no doubt
    priority: Priority
    state: AlertState
    present: bool  # whether what it tells of is so
    title: str
    cause: str  # with the figures
    consequence: str
    action: str
    section: str  # of live/RUNBOOK.md
    figure: float
    limit: float
    count: int  # how often it was raised since somebody last closed it
    chattering: bool  # it comes and goes, and is held until it is quiet
    root: str  # the id of the alarm that explains this one; empty where none does
    raised_ns: TimeNs
    returned_ns: TimeNs
    deadline_ns: TimeNs  # when it is sent again if nobody has acknowledged it; 0 where it is not
    acknowledged_ns: TimeNs
    acknowledged_by: str
    shelved_until_ns: TimeNs
    shelved_by: str
    shelved_reason: str


class Channel(Shown):
    """One target of messages, without its secrets."""

    service: str  # as its makers call it
    target: str  # its address, without what is secret
    well: bool | None  # None before anything was sent to it
    trouble: str  # what it last said, empty where it is well
    tried_ns: TimeNs
    delivered_ns: TimeNs


class Delivery(Shown):
    """What became of one message to one target."""

    service: str
    target: str
    delivered: bool
    trouble: str  # empty where it was delivered
    took_s: float


class AlarmBoard(Shown):
    """All alarms of the session at one moment, those that need a person first."""

    number: int  # rises with every change
    taken_ns: TimeNs
    alerts: tuple[Alert, ...]
    critical: int  # of those that are neither shelved nor suppressed
    high: int
    low: int
    unacknowledged: int
    lately: int  # raised in the latest ten minutes
    flood: bool  # more of them than a person can take in: ten in ten minutes, after EEMUA 191
    channels: tuple[Channel, ...]
    kept: bool  # whether the database takes what happens to alarms; else several processes may send the same messages
    sends: bool = True  # whether this process sends messages; else another one that looks at the session does
