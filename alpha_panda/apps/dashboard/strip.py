"""The navigation, and the strip that says on every page how things stand and lets a person stop everything."""

from typing import Any

import param

from alpha_panda.apps.dashboard import shown
from alpha_panda.apps.dashboard.components import Part, module
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.refreshing import repeat
from alpha_panda.apps.desk.models import Picture

BEAT_MS = 1_000
"""How often a page hears that the server is there, whatever the market does."""


class Navigation(Part):
    """The links to the pages, who is signed in, and the switch between dark and light."""

    dark = param.Boolean(default=False, doc="whether the page is dark; the browser sets it")

    _esm = module("navigation.js")


class Strip(Part):
    """Mode, account, market, feed, log, store, alarms, clock, and the STOP."""

    beat = param.Dict(default={}, doc="that the server is there, and what time it is there")

    _esm = module("stop.js", "strip.js")


def status_strip(parts: DashboardParts, title: str) -> Strip:
    """Return the strip of the page that is being made, which keeps itself up to date."""
    principal = parts.principal()
    strip = Strip(
        shown={"title": title, "boot": parts.desk.boot_id, "may_act": principal.may("operator")},
        sizing_mode="stretch_width",
        height=36,
    )

    def flush() -> None:
        picture = parts.desk.picture
        now_ns = parts.now_ns()
        strip.tell(**status(picture, dict(parts.alarms())))
        feed = picture.feed
        # The browser counts on from these: clocks of two machines are never compared.
        age_s = (now_ns - feed.heard_ns) / 1e9 if feed is not None and feed.heard_ns else None
        strip.beat = {
            "now_ms": now_ns // 1_000_000,
            "feed_age_s": age_s,
            "taken_age_s": (now_ns - picture.taken_ns) / 1e9,
        }

    flush()
    repeat(flush, BEAT_MS // 2)
    return strip


def status(picture: Picture, alarms: dict[str, int]) -> dict[str, Any]:
    """Return what the strip shows of a picture."""
    session, account = picture.session, picture.account
    lags = [stage.lag for stage in picture.stages if stage.lag is not None]
    return {
        "mode": session.mode if session else "none",
        "broker": session.broker if session else "",
        "session": session.name if session else "",
        "phase": picture.phase,
        "state": account.state if account else "unknown",
        "halt": shown.words(account.halt) if account else "",
        "killed": picture.killed,
        "account_killed": account is not None and account.state == "killed",
        "market_open": picture.feed.market_open if picture.feed else None,
        "market_clock": shown.clock(picture.feed.market_ns) if picture.feed else "",
        "lag": max(lags) if lags else None,
        "sources": [source.model_dump() for source in picture.sources],
        "alarms": alarms,
        "troubles": list(picture.troubles),
    }
