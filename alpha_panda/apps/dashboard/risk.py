"""What the account may do: each limit and how much of it is used, the kill latch, and who commanded what."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import panel as pn
from panel.viewable import Viewable

from alpha_panda.apps.dashboard import cells, shown
from alpha_panda.apps.dashboard.cards import Card
from alpha_panda.apps.dashboard.drawing import attempting
from alpha_panda.apps.dashboard.frames import column, row
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.refreshing import refresh, repeat, under_lock
from alpha_panda.apps.dashboard.sheets import Sheet, figures, note
from alpha_panda.apps.dashboard.shell import shell
from alpha_panda.apps.dashboard.summary import LIMITS, limit_row
from alpha_panda.apps.dashboard.tables import Cell, Column, Row, Table
from alpha_panda.apps.desk.models import Command, Decision, Limit, Picture, Refusals
from alpha_panda.apps.markup import Html
from alpha_panda.words import figures_of

if TYPE_CHECKING:
    from alpha_panda.database.audit import AuditRow

_LOOK_MS, _ROWS = 5_000, 200

ALLOWED = (
    Column("limit", "Limit", 130, grows=True),
    Column("used", "Used", 66, number=True),
    Column("allowed", "Allowed", 66, number=True),
    Column("share", "Of it used", 74, number=True),
    Column("action", "At the limit", 220, grows=True),
)

REFUSED = (
    Column("code", "Rule", 110, grows=True),
    Column("count", "Refusals", 64, number=True),
    Column("latest", "Latest", 70, number=True),
    Column("measured", "Measured", 100, number=True),
    Column("allowed", "Allowed", 100, number=True),
)

COMMANDS = (
    Column("time", "Time", 74),
    Column("who", "Who", 90),
    Column("command", "Command", 84),
    Column("strategy", "Strategy", 100),
    Column("reason", "Why", 140, grows=True),
)

AUDIT = (
    Column("time", "Time", 74),
    Column("who", "Who", 80),
    Column("action", "Did", 120),
    Column("target", "To", 90),
    Column("outcome", "Outcome", 76),
    Column("detail", "Detail", 120, grows=True),
    Column("address", "From", 92),
)


def risk(parts: DashboardParts) -> Viewable:
    """Return the page of the limits and of who did what."""
    standing = Sheet("State of the account")
    limits = Table("Limits", ALLOWED, empty="The account has not reported its limits yet.", filtered=False)
    refused = Table("Refusals by rule", REFUSED, empty="Nothing was refused.", filtered=False)
    commands = Table("Commands", COMMANDS, empty="Nobody has commanded anything in this session.", ages=False)
    audit = Table("Audit trail", AUDIT, empty="Nobody has done anything yet.", groups=_DEEDS, ages=False)

    async def commanded() -> None:
        page = await parts.desk.history("commands", None, _ROWS)
        commands.put(command_rows(each for each in page.rows if isinstance(each, Command)))

    async def audited() -> None:
        audit.put(audit_rows(await parts.database.audit.list(_ROWS)))

    refresh(parts.picture, standing, lambda picture: standing.put(standing_of(picture)))
    refresh(parts.picture, limits, lambda picture: limits.put(limit_rows(picture.limits)))
    refresh(parts.picture, refused, lambda picture: refused.put(refusal_rows(picture.refusals, picture.decisions)))
    for table, work in ((commands, commanded), (audit, audited)):
        look_back = attempting(table, work, parts.now_ns)
        pn.state.onload(under_lock(look_back))
        repeat(look_back, _LOOK_MS)
    by_rule = Card("Refusals by rule", refused, width=490, sizing_mode="stretch_height")
    state = Card("State", standing, width=290, sizing_mode="stretch_height")
    upper = row(state, Card("Limits", limits), by_rule, height=290)
    said = Card("Commands", commands, note="as the log has them")
    return shell(parts, "/risk", column(upper, row(said, Card("Audit trail", audit, note="who did what, from where"))))


_DEEDS = (("all", "All"), ("control", "Control"), ("alarm", "Alarms"), ("strategy", "Strategies"), ("other", "Others"))


def standing_of(picture: Picture) -> Html:
    """Return the state of the account, what halts it, and who engaged the kill latch."""
    account, latch = picture.account, picture.latch
    if account is None:
        return note("The account has not said anything yet.")
    tone = "up" if account.state == "running" else "warn" if account.state in ("reducing", "paused") else "down"
    named = [
        ("Account", Cell(account.state, f"strong {tone}")),
        ("By the limit", shown.words(account.halt) or "none"),
        ("Kill latch", Cell("engaged", "strong down") if latch else Cell("free", "up")),
    ]
    if latch:
        named += [
            ("Engaged by", latch.who),
            ("Because", latch.reason or shown.NOT_REPORTED),
            ("At", shown.day_and_clock(latch.time_ns)),
        ]
    named += [
        ("Commands not taken up yet", cells.count(picture.commands_waiting)),
        ("Approved, refused", f"{shown.count(account.approved)}, {shown.count(account.refused)}"),
        ("Orders at work", cells.count(account.orders_working)),
    ]
    return figures(named)


_TONES = {"over": "strong down", "near": "strong warn", "off": "muted"}


def limit_rows(limits: Iterable[Limit]) -> Iterator[Row]:
    """Yield how much of each limit is used, and what the account does there."""
    for each in limits:
        drawn = limit_row(each)
        yield {
            "key": each.name,
            "limit": Cell(LIMITS[each.name], "muted" if drawn["tone"] == "off" else ""),
            "used": _said(each, each.used),
            "allowed": _said(each, each.allowed) if each.allowed else Cell("off", "muted"),
            "share": Cell(shown.ratio(drawn["share"], 0) if each.allowed else "", _TONES.get(drawn["tone"], "")),
            "action": Cell(each.action, hint=each.action),
        }


def _said(limit: Limit, figure: float) -> Cell:
    return Cell(shown.ratio(figure) if limit.is_ratio else shown.count(round(figure)), sort=figure)


def refusal_rows(refusals: Iterable[Refusals], decisions: Iterable[Decision]) -> Iterator[Row]:
    """Yield how often each rule refused, the most frequent first, with the figures of its latest among `decisions`."""
    latest: dict[str, Decision] = {}
    for each in decisions:
        if each.verdict == "refused":
            latest.setdefault(each.code, each)
    for each in sorted(refusals, key=lambda each: (-each.count, each.code)):
        last = latest.get(each.code)
        measured, allowed = figures_of(last.code, last.figure, last.limit) if last else ("", "")
        yield {
            "key": each.code,
            "code": shown.words(each.code),
            "count": cells.count(each.count),
            "latest": cells.clock(last.time_ns if last else 0),
            "measured": measured,
            "allowed": allowed,
        }


def command_rows(commands: Iterable[Command]) -> Iterator[Row]:
    """Yield what people commanded, newest first."""
    for each in commands:
        yield {
            "key": f"{each.time_ns} {each.command} {each.strategy} {each.who}",
            "time": cells.clock(each.time_ns),
            "who": Cell(each.who, "strong"),
            "command": Cell(each.command, "down" if each.command == "kill" else ""),
            "strategy": each.strategy or Cell("all", "muted"),
            "reason": Cell(each.reason, hint=each.reason),
        }


def audit_rows(rows: Sequence["AuditRow"]) -> Iterator[Row]:
    """Yield who did what, newest first."""
    kinds = {"control": "control", "alert": "alarm", "alarm": "alarm", "strategy": "strategy"}
    for each in rows:
        yield {
            "key": str(each.id),
            "group": kinds.get(each.action.partition(".")[0], "other"),
            "time": cells.clock(each.time_ns),
            "who": Cell(each.who, "strong"),
            "action": each.action,
            "target": each.target,
            "outcome": Cell(each.outcome, "down" if each.outcome in ("refused", "failed") else ""),
            "detail": Cell(each.detail, hint=each.detail),
            "address": Cell(each.address, "muted"),
        }
