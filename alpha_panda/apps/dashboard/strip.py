"""The navigation, and the strip that says on every page how things stand and lets a person stop everything."""

from typing import Any

import param

from alpha_panda.apps.alerts.models import AlarmBoard
from alpha_panda.apps.dashboard import shown
from alpha_panda.apps.dashboard.components import Part, module
from alpha_panda.apps.dashboard.drawing import Drawing
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.refreshing import repeat
from alpha_panda.apps.desk.models import Picture, Source
from alpha_panda.units import SECOND_NS

BEAT_MS = 500
"""How often a page hears that the server is there, whatever the market does."""


class Navigation(Part):
    """The links to the pages, who is signed in, and the switch between dark and light."""

    dark = param.Boolean(default=False, doc="whether the page is dark; the browser sets it")

    styles_of = ("parts.css", "navigation.css")
    _esm = module("navigation.js")


class Strip(Part):
    """Mode, account, market, feed, log, store, alarms, clock, and the STOP."""

    beat = param.Dict(default={}, doc="that the server is there, and what time it is there")

    styles_of = ("parts.css", "strip.css")
    _esm = module("stop.js", "strip.js")


def status_strip(parts: DashboardParts, title: str) -> Strip:
    """Return the strip of the page that is being made, which keeps itself up to date."""
    principal = parts.principal()
    strip = Strip(
        shown={"title": title, "boot": parts.desk.boot_id, "may_act": principal.may("operator")},
        sizing_mode="stretch_width",
        height=36,
    )

    drawing = Drawing(strip)

    def flush() -> None:
        picture = parts.desk.picture
        with drawing.of(picture.taken_ns):
            strip.tell(**status(picture, parts.board()))
        strip.beat = ages(picture, parts.now_ns())

    flush()
    repeat(flush, BEAT_MS)
    return strip


def ages(picture: Picture, now_ns: int) -> dict[str, Any]:
    """Return how old things are; the browser counts on from there, so that two machines' clocks are never compared."""
    heard_ns = picture.feed.heard_ns if picture.feed is not None else 0
    return {
        "now_ms": now_ns // 1_000_000,
        "taken_age_s": _seconds_since(picture.taken_ns, now_ns),
        "feed_age_s": _seconds_since(heard_ns, now_ns),
        "read_ages_s": {source.name: _seconds_since(_shown_ns(source), now_ns) for source in picture.sources},
    }


def _shown_ns(source: Source) -> int:
    """Return when what a source shows was so, as far as that is known."""
    return source.complete_ns if source.is_read and not source.well else source.read_ns


def _seconds_since(time_ns: int, now_ns: int) -> float | None:
    return round((now_ns - time_ns) / SECOND_NS, 3) if time_ns else None


def status(picture: Picture, board: AlarmBoard) -> dict[str, Any]:
    """Return what the strip shows of a picture."""
    session, account = picture.session, picture.account
    lags = [stage.lag for stage in picture.stages if stage.lag is not None]
    return {
        "mode": session.mode if session else "none",
        "broker": session.broker if session else "",
        "session": session.name if session else "",
        "phase": picture.phase,
        "is_old": account is not None and picture.phase == "unknown",
        # What an account said that is silent since, or on a log that is away, is not what it does now.
        "state": account.state if account and picture.phase != "unknown" else "unknown",
        "halt": shown.words(account.halt) if account else "",
        "killed": picture.killed,
        "account_killed": account is not None and account.state == "killed",
        "market_open": picture.feed.market_open if picture.feed else None,
        "market_clock": shown.clock(picture.feed.market_ns) if picture.feed else "",
        "lag": max(lags) if lags else None,
        "sources": {
            source.name: {"well": source.well, "read": source.is_read, "trouble": source.trouble}
            for source in picture.sources
        },
        "alarms": {"critical": board.critical, "high": board.high, "low": board.low},
        "troubles": [*_stopped(picture), *picture.troubles],
    }


def _stopped(picture: Picture) -> list[str]:
    """Return who engaged the latch, when and why; nothing where it is not engaged."""
    if picture.latch is None:
        return []
    reason = f": {picture.latch.reason}" if picture.latch.reason else ""
    return [f"Killed by {picture.latch.who} at {shown.clock(picture.latch.time_ns)}{reason}"]
