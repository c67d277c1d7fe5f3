"""The alarms: what needs a person, who knows, what is hidden and why, what there was, and whether messages arrive."""

import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import panel as pn
from panel.viewable import Viewable

from alpha_panda.apps.access import Principal
from alpha_panda.apps.alerts.models import AlarmBoard, Alert, Channel
from alpha_panda.apps.dashboard import cells, shown
from alpha_panda.apps.dashboard.cards import Card
from alpha_panda.apps.dashboard.drawing import attempting
from alpha_panda.apps.dashboard.frames import column, row
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.refreshing import refresh, repeat, under_lock
from alpha_panda.apps.dashboard.sheets import NOTHING, Sheet, button, figures, note
from alpha_panda.apps.dashboard.shell import shell
from alpha_panda.apps.dashboard.tables import Act, Cell, Column, Row, Table
from alpha_panda.apps.markup import Html, tag

if TYPE_CHECKING:
    from alpha_panda.database.alerts import AlertRow

_LOOK_MS, _ROWS = 5_000, 200
_SHELF_S = 3_600

ALARMS = (
    Column("priority", "Priority", 70),
    Column("state", "State", 112),
    Column("title", "Alarm", 200, grows=True),
    Column("cause", "Because", 200, grows=True),
    Column("raised", "Since", 72, number=True),
    Column("count", "Times", 54, number=True),
    Column("act", "", 110),
)

HISTORY = (
    Column("priority", "Priority", 70),
    Column("state", "State", 96),
    Column("title", "Alarm", 200, grows=True),
    Column("first", "Raised", 150),
    Column("last", "Last", 72, number=True),
    Column("count", "Times", 54, number=True),
    Column("who", "Acknowledged, resolved by", 170),
)

CHANNELS = (
    Column("service", "Service", 80),
    Column("target", "Target", 120, grows=True),
    Column("well", "Is", 76),
    Column("delivered", "Delivered", 76, number=True),
)

PRIORITIES = {"critical": "strong down", "high": "warn", "low": ""}
_ORDER = ("critical", "high", "low")
_HIDDEN = ("shelved", "suppressed")


def alarms(parts: DashboardParts) -> Viewable:
    """Return the page of the alarms."""
    who = parts.principal()
    about, above = Sheet("Alarm", note("Choose an alarm: click it, or j, k and Enter.")), Sheet("Alarms")
    channels = Table(
        "Channels", CHANNELS, empty="No channel is configured: nobody is sent a message.", filtered=False, ages=False
    )
    past = Table("History", HISTORY, empty="No alarm was raised yet.", ages=False)
    chosen: list[str] = []

    def tell(board: AlarmBoard) -> None:
        for each in board.alerts:
            if [each.id] == chosen:
                about.put(about_alarm(each, who))

    async def choose(id: str) -> None:
        chosen[:] = [id]
        tell(parts.board())

    async def look_back() -> None:
        past.put(history_rows(await parts.database.alerts.list(None, _ROWS)))

    opened = attempting(about, choose, parts.now_ns)
    table = Table("Alarms", ALARMS, empty="No alarm.", groups=_TABS, opened=opened, ages=False)
    refresh(parts.board, above, lambda board: above.put(summary_of(board)))
    refresh(parts.board, table, lambda board: table.put(alarm_rows(board.alerts, who)))
    refresh(parts.board, channels, lambda board: channels.put(channel_rows(board.channels)))
    refresh(parts.board, about, tell)
    looked = attempting(past, look_back, parts.now_ns)
    pn.state.onload(under_lock(looked))
    repeat(looked, _LOOK_MS)
    test = [Sheet("Test", button(_TEST))] if who.may("operator") else []
    aside = column(
        Card("What to do", about), Card("Messages", channels, *test, height=210, sizing_mode="stretch_width")
    )
    left = column(Card("Alarms", above, table), Card("History", past, note="of this session and those before"))
    aside.param.update(width=400, sizing_mode="stretch_height")
    return shell(parts, "/alarms", row(left, aside))


_TABS = (
    ("now", "Needs a person"),
    ("acknowledged", "Acknowledged"),
    ("hidden", "Shelved, suppressed"),
    ("all", "All"),
)
_TEST = Act("Send a test", "/alerts/test", "Send a test message?", "It goes to every target.", asks_reason=False)


def summary_of(board: AlarmBoard) -> Html:
    """Return what is wrong with the alarms themselves; nothing where all is well."""
    if board.flood:
        return note(
            f"{board.lately} alarms in ten minutes: more than a person can take in. See the critical ones first."
        )
    return NOTHING if board.kept else note("The database does not take what happens to alarms: it is kept in memory.")


def alarm_rows(alerts: Iterable[Alert], who: Principal) -> Iterator[Row]:
    """Yield the rows of the alarms, in the board's order: those that need a person first."""
    for each in alerts:
        group = "hidden" if each.state in _HIDDEN else "acknowledged" if each.state == "acknowledged" else "now"
        asks = who.may("operator") and each.state in ("unacknowledged", "returned")
        yield {
            "key": each.id,
            "group": "" if each.state == "resolved" else group,
            "priority": Cell(each.priority, PRIORITIES[each.priority], _ORDER.index(each.priority)),
            "state": Cell(each.state, "muted" if group == "hidden" else ""),
            "title": Cell(each.title, "strong", hint=each.title),
            "cause": Cell(each.cause, hint=each.cause),
            "raised": cells.clock(each.raised_ns),
            "count": Cell(shown.count(each.count), "warn" if each.chattering else "", each.count),
            "act": Cell("", act=_act(each, "acknowledge")) if asks else "",
        }


def about_alarm(alert: Alert, who: Principal) -> Html:
    """Return what an alarm means, what to do about it, and what has become of it."""
    sentences = (("Because", alert.cause), ("So", alert.consequence), ("Do", alert.action))
    told = [Html(tag("h3", name) + tag("p", sentence)) for name, sentence in sentences if sentence]
    named = [
        ("Priority", Cell(alert.priority, PRIORITIES[alert.priority])),
        ("State", alert.state),
        ("Raised", shown.day_and_clock(alert.raised_ns)),
        ("Runbook", alert.section),
    ]
    if alert.root:
        named.append(("Explained by", alert.root))
    if alert.returned_ns:
        named.append(("No longer so since", shown.clock(alert.returned_ns)))
    if alert.acknowledged_by:
        named.append(("Acknowledged by", f"{alert.acknowledged_by}, {shown.clock(alert.acknowledged_ns)}"))
    if alert.shelved_by:
        named.append(("Shelved by", f"{alert.shelved_by}, until {shown.clock(alert.shelved_until_ns)}"))
        named.append(("Because", alert.shelved_reason))
    if alert.deadline_ns:
        named.append(("Sent again at", shown.clock(alert.deadline_ns)))
    acts = [button(_act(alert, verb)) for verb in _VERBS] if who.may("operator") else []
    return tag("div", tag("h2", alert.title), *told, figures(named), tag("div", *acts, class_="acts"))


_VERBS = {
    "acknowledge": ("Acknowledge", "It stays on the board, and others see that you know."),
    "resolve": ("Resolve", "It is dealt with. Where it is still so, it cannot be resolved."),
    "suppress": ("Shelve for an hour", "It stays on the board, and nobody is sent a message."),
}


def _act(alert: Alert, verb: str) -> Act:
    label, detail = _VERBS[verb]
    path = f"/alerts/{urllib.parse.quote(alert.id, safe='')}/{verb}"
    asked = f"{label.partition(' ')[0]}: {alert.title}?"
    return Act(label, path, asked, detail, asks_reason=verb == "suppress", for_s=_SHELF_S if verb == "suppress" else 0)


def history_rows(rows: Sequence["AlertRow"]) -> Iterator[Row]:
    """Yield the alarms that were kept, newest first."""
    for each in rows:
        yield {
            "key": str(each.id),
            "priority": Cell(each.severity, PRIORITIES.get(each.severity, "")),
            "state": Cell(each.state, "muted" if each.state == "resolved" else ""),
            "title": Cell(each.title, hint=each.detail),
            "first": shown.day_and_clock(each.first_ns),
            "last": cells.clock(each.last_ns),
            "count": cells.count(each.count),
            "who": ", ".join(filter(None, (each.acknowledged_by, each.resolved_by))),
        }


def channel_rows(channels: Iterable[Channel]) -> Iterator[Row]:
    """Yield how each target of messages fares."""
    for each in channels:
        known = (
            Cell("untried", "muted")
            if each.well is None
            else Cell("well", "up")
            if each.well
            else Cell("not well", "down")
        )
        yield {
            "key": f"{each.service} {each.target}",
            "service": each.service,
            "target": Cell(each.target, hint=each.trouble),
            "well": Cell(known.text, known.tone, hint=each.trouble),
            "delivered": cells.clock(each.delivered_ns),
        }
