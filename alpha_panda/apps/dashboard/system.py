"""How the machinery is doing: its stages, their delays, where the figures come from, the feed, and the sessions."""

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import metadata
from typing import Any

from panel.viewable import Viewable

from alpha_panda.apps.dashboard import cells, shown
from alpha_panda.apps.dashboard.cards import Card
from alpha_panda.apps.dashboard.drawing import Shows, attempting
from alpha_panda.apps.dashboard.frames import column, row
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.refreshing import refresh
from alpha_panda.apps.dashboard.sheets import Sheet, figures, note
from alpha_panda.apps.dashboard.shell import shell
from alpha_panda.apps.dashboard.tables import Cell, Column, Row, Table
from alpha_panda.apps.desk.models import Picture, SessionListing, SessionTerms, Source, Stage
from alpha_panda.apps.markup import Html
from alpha_panda.live.messages import Phase

_EVERY_MS = 2_000

STAGES = (
    Column("stage", "Stage", 84),
    Column("phase", "Is", 78),
    Column("holder", "Process", 130, grows=True),
    Column("partitions", "Partitions", 72),
    Column("age", "Said", 58, number=True),
    Column("lag", "Lag", 62, number=True),
    Column("rate", "Events/s", 72, number=True),
    Column("market", "Market", 70, number=True),
    Column("aside", "Set aside", 70, number=True),
    Column("dead", "Dead letters", 84, number=True),
    Column("trouble", "Trouble", 120, grows=True),
)

DELAYS = (
    Column("name", "From, to", 130, grows=True),
    Column("stage", "Stage", 84),
    Column("p50", "Median", 80, number=True),
    Column("p99", "99 %", 80, number=True),
    Column("max", "Longest", 80, number=True),
    Column("count", "Of", 64, number=True),
)

SOURCES = (
    Column("name", "Source", 64),
    Column("well", "Is", 70),
    Column("age", "Read", 64, number=True),
    Column("trouble", "Why not", 120, grows=True),
)

SESSIONS = (
    Column("name", "Session", 80, grows=True),
    Column("state", "Is", 62),
    Column("log", "Log", 74),
    Column("changed", "Changed", 128, number=True),
)

REPORTED = (Column("name", "Figure", 170, grows=True), Column("value", "Said", 120, number=True))

_NARROW: dict[str, Any] = {"width": 290, "sizing_mode": "stretch_height"}
_PHASES: dict[Phase | str, str] = {"running": "up", "recovering": "warn", "waiting": "warn", "failed": "strong down"}


def system(parts: DashboardParts) -> Viewable:
    """Return the page of the machinery."""
    feed, about = Sheet("Feed"), Sheet("Session")
    chosen: list[str] = []
    reported = Table("Figures of a stage", REPORTED, empty="Choose a stage: all that it reports stands here.")
    delays = Table("Delays", DELAYS, empty="No stage has measured a delay yet.", filtered=False)
    sources = Table("Sources", SOURCES, empty="", filtered=False, ages=False)
    sessions = Table("Sessions", SESSIONS, empty="There is no session here.", filtered=False, ages=False)
    said = Card("All that a stage reports", reported)

    async def choose(key: str) -> None:
        chosen[:] = [key]
        said.note(key)
        reported.put(reported_rows(parts.desk.picture.stages, chosen))

    opened = attempting(said, choose, parts.now_ns)
    stages = Table("Stages", STAGES, empty="No stage has reported yet.", opened=opened, filtered=False, ages=False)
    shows: dict[Shows, Callable[[Picture], None]] = {
        stages: lambda picture: stages.put(stage_rows(picture.stages)),
        delays: lambda picture: delays.put(delay_rows(picture.stages)),
        sources: lambda picture: sources.put(source_rows(picture.sources, parts.now_ns())),
        sessions: lambda picture: sessions.put(session_rows(parts.desk.sessions())),
        feed: lambda picture: feed.put(feed_of(picture, parts.now_ns())),
        about: lambda picture: about.put(about_session(picture.session)),
        reported: lambda picture: reported.put(reported_rows(picture.stages, chosen)),
    }
    for part, draw in shows.items():
        refresh(parts.picture, part, draw, _EVERY_MS)
    middle = row(Card("Delays", delays, note="of the latest 2,048"), Card("Sources", sources), height=190)
    lower = row(
        Card("Session", about, **_NARROW), Card("Feed and log", feed, **_NARROW), Card("Sessions", sessions), said
    )
    upper = Card("Stages", stages, height=230, sizing_mode="stretch_width")
    return shell(parts, "/system", column(upper, middle, lower))


def stage_rows(stages: Iterable[Stage]) -> Iterator[Row]:
    """Yield the stages of each process, as they last said."""
    for each in stages:
        yield {
            "key": key_of(each),
            "stage": Cell(each.stage, "strong"),
            "phase": Cell(each.phase, _PHASES.get(each.phase, "muted")),
            "holder": Cell(each.holder, "muted", hint=each.holder),
            "partitions": ", ".join(map(str, each.partitions)),
            "age": Cell(seconds(each.age_s), "down" if each.trouble else "", each.age_s),
            "lag": cells.count(each.lag),
            "rate": Cell(
                shown.NOT_REPORTED if each.events_a_second is None else shown.count(round(each.events_a_second))
            ),
            "market": cells.clock(each.market_ns),
            "aside": Cell(shown.count(each.set_aside), "warn" if each.set_aside else "muted", each.set_aside),
            "dead": Cell(shown.count(each.dead_letters), "down" if each.dead_letters else "muted", each.dead_letters),
            "trouble": Cell(" · ".join(filter(None, (each.trouble, each.note))), "warn", hint=each.note),
        }


def key_of(stage: Stage) -> str:
    """Return what names a stage of a process."""
    return f"{stage.stage} of {stage.holder}" if stage.holder else stage.stage


def seconds(age_s: float) -> str:
    """Return an age that a stage's report has."""
    return shown.age(round(age_s * 1e9))


def delay_rows(stages: Iterable[Stage]) -> Iterator[Row]:
    """Yield how long things take, stage by stage."""
    for stage in stages:
        for each in stage.delays:
            yield {
                "key": f"{key_of(stage)} {each.name}",
                "name": shown.words(each.name),
                "stage": stage.stage,
                "p50": milliseconds(each.p50_s),
                "p99": milliseconds(each.p99_s),
                "max": milliseconds(each.max_s),
                "count": cells.count(each.count),
            }


def milliseconds(delay_s: float) -> Cell:
    """Return a delay in milliseconds, three figures of it."""
    return Cell(f"{delay_s * 1e3:,.3g} ms" if delay_s < 1 else f"{delay_s:,.2f} s", sort=delay_s)


def source_rows(sources: Iterable[Source], now_ns: int) -> Iterator[Row]:
    """Yield where the figures come from, and how old they are."""
    for each in sources:
        yield {
            "key": each.name,
            "name": Cell(each.name, "strong"),
            "well": Cell("well", "up") if each.well else Cell("old" if each.is_read else "away", "strong down"),
            "age": shown.age(now_ns - each.read_ns) if each.read_ns else Cell("never", "muted"),
            "trouble": Cell(each.trouble, hint=each.trouble),
        }


def session_rows(sessions: Iterable[SessionListing]) -> Iterator[Row]:
    """Yield the sessions that are kept beside each other."""
    for each in sessions:
        state = (
            Cell("killed", "down") if each.killed else Cell("running", "up") if each.running else Cell("ended", "muted")
        )
        yield {
            "key": each.name,
            "name": Cell(each.name, "strong" if each.shown else "", hint="the one that is shown" if each.shown else ""),
            "state": state,
            "log": each.log,
            "changed": Cell(shown.day_and_clock(each.changed_ns), sort=each.changed_ns // 1_000),
        }


def reported_rows(stages: Sequence[Stage], chosen: Sequence[str]) -> Iterator[Row]:
    """Yield every figure that the chosen stage reports, under the names that it gives them."""
    for stage in stages:
        if key_of(stage) in chosen:
            for name, value in sorted(stage.figures.items()):
                yield {"key": name, "name": name, "value": Cell(f"{value:,.10g}", sort=value)}


def feed_of(picture: Picture, now_ns: int) -> Html:
    """Return how fresh the market data are, and what the log could not hand on."""
    feed = picture.feed
    if feed is None:
        return note("No event of the market has arrived yet.")
    market = {True: "open", False: "closed", None: "unknown"}[feed.market_open]
    return figures(
        (
            ("Market", market),
            ("Last event, by the market's clock", shown.clock(feed.market_ns)),
            ("Last frame heard", f"{shown.age(now_ns - feed.heard_ns)} ago" if feed.heard_ns else shown.NOT_REPORTED),
            ("Reconnects", cells.count(feed.reconnects)),
            ("Gaps", cells.count(feed.gaps)),
            ("Events kept out", cells.count(feed.kept_out)),
            ("Dead letters", Cell(shown.count(picture.dead_letters), "down" if picture.dead_letters else "")),
            ("Commands not taken up yet", cells.count(picture.commands_waiting)),
        )
    )


def about_session(session: SessionTerms | None) -> Html:
    """Return what a session was made of, and with what it is looked at."""
    versions = ("Read with", f"Alpha Panda {metadata.version('alpha-panda')}, Python {platform.python_version()}")
    if session is None:
        return Html(note("No session has begun.") + figures([versions]))
    return figures(
        (
            ("Session", session.name),
            ("Broker", f"{session.broker}, {session.mode}"),
            ("Feed", session.feed),
            ("Began", shown.day_and_clock(session.started_ns)),
            ("Log", session.log),
            ("Strategies", cells.count(len(session.strategies))),
            ("Instruments", cells.count(len(session.symbols))),
            ("Code", Cell(session.code_digest[:12], "code", hint=session.code_digest)),
            versions,
        )
    )
