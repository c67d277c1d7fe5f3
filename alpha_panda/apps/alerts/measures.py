"""What the rules measure: a figure with the limit at which it is an alarm, and the one below which it is none again."""

import collections
from collections.abc import Iterator
from typing import NamedTuple

from alpha_panda.apps.alerts.looks import Look, named_stages
from alpha_panda.apps.alerts.models import Priority
from alpha_panda.apps.desk.models import Limit, Order
from alpha_panda.live.observer import FEED, PORTFOLIO
from alpha_panda.units import MINUTE_NS, ist_date, ist_datetime

_AT_WORK = ("recovering", "running", "waiting", "unknown")
_OVER = ("stopped", "ended")
_ORDER_AT_WORK = ("working", "triggered", "partial")

_DOWN_S, _SILENT_S, _FRESH_S = 60.0, 10.0, 5.0
_CLOCK_S = 2.0
_STALE_S, _STALE_UNKNOWN_S, _TICKS_S = 10.0, 90.0, 6.0
_STILL_S = 10.0
_LAG, _PORTFOLIO_LAG = 100, 1_000
_RACES = 2.0  # how many times as fast as the clock a market passes that is replayed and not traded
_GROWTH_S = 20.0  # shorter than the delay of the alarm: a burst that is being worked off is none
_NEAR, _NEAR_RELEASE, _LIMIT_RELEASE = 0.8, 0.75, 0.95
_REFUSALS, _REFUSALS_S = 50, 300.0
_RECONNECTS, _RECONNECTS_S = 3, 600.0
_KEPT_OUT_S = 300.0
_LATE_S, _LATE_RELEASE_S = 0.1, 0.08
_STUCK_NS = MINUTE_NS  # of the market's time, for an order that the next event should have filled


class Measure(NamedTuple):
    """What a rule found about one thing: an alarm is raised at `limit`, and returns below `release`."""

    key: str
    cause: str
    figure: float = 1.0
    limit: float = 1.0
    release: float = 1.0
    priority: Priority | None = None  # where it is not that of the rule


# ── Stages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def stages_down(look: Look) -> Iterator[Measure]:
    """Measure how long ago each stage reported that should be at work; one that never did is down.

    A session that has just begun, or is about to be resumed, has a minute for it: kernels may be compiled first.
    """
    for name, stage in named_stages(look.picture) if look.working else ():
        if stage.phase in _AT_WORK:
            never = not stage.reported_ns
            silent_s = _DOWN_S if never else look.silent_s(name, stage)
            cause = "no process works on it" if never else f"{stage.holder} has not reported for {silent_s:,.0f} s"
            silent_s = silent_s if look.looked_s >= _DOWN_S else min(silent_s, _DOWN_S / 2)
            # Trading never reads what the portfolio writes.
            priority = "high" if stage.stage == PORTFOLIO else None
            yield Measure(name, cause, silent_s, _DOWN_S, _FRESH_S, priority)


def stages_silent(look: Look) -> Iterator[Measure]:
    """Measure how long ago each stage reported that is at work; of one not yet heard here, it may be about to begin."""
    for name, stage in named_stages(look.picture) if look.working else ():
        if stage.phase in _AT_WORK and stage.reported_ns:
            silent_s = look.silent_s(name, stage)
            cause = f"{stage.holder} has not reported for {silent_s:,.0f} s"
            silent_s = silent_s if look.was_heard(name, stage) else min(silent_s, _SILENT_S - 1)
            yield Measure(name, cause, silent_s, _SILENT_S, _FRESH_S, "high" if stage.stage == PORTFOLIO else None)


def stages_failed(look: Look) -> Iterator[Measure]:
    """Find the stages that have failed."""
    for name, stage in named_stages(look.picture) if look.working else ():
        if stage.phase == "failed":
            yield Measure(name, stage.note or "it did not say why")


def stages_waiting(look: Look) -> Iterator[Measure]:
    """Find the stages that wait for a record, or for the log."""
    for name, stage in named_stages(look.picture) if look.working else ():
        if stage.phase == "waiting":
            yield Measure(name, stage.note or "it did not say for what")


def clocks(look: Look) -> Iterator[Measure]:
    """Measure how far the clocks of the stages' machines are off, and whether the market is ahead of its time."""
    if not look.working:
        return
    for name, stage in named_stages(look.picture):
        if stage.phase in _AT_WORK and stage.reported_ns:
            off_s = look.clock_s(name, stage)
            ahead = "ahead of" if look.since_s(stage.reported_ns) < 0 else "behind"
            cause = f"the clock of {stage.holder} is {off_s:,.1f} s or more {ahead} that of this machine"
            yield Measure(name, cause, off_s, _CLOCK_S, _CLOCK_S / 2)
    feed, session = look.picture.feed, look.picture.session
    # The time of a synthetic or a recorded day has nothing to do with ours.
    if feed is not None and session is not None and session.mode == "live" and feed.market_ns:
        ahead_s = -look.since_s(feed.market_ns)
        cause = f"the last event of the market is {ahead_s:,.1f} s in the future of this machine"
        yield Measure("the market", cause, ahead_s, _CLOCK_S, _CLOCK_S / 2)


# ── Market and log ───────────────────────────────────────────────────────────────────────────────────────────────────


def feed_stale(look: Look) -> Iterator[Measure]:
    """Measure for how long the feed has said nothing although the market is open.

    A feed of bars speaks once in an interval: what is usual is learnt, and three times that is an alarm. What it said
    before a session was resumed is no measure.
    """
    feed = look.picture.feed
    over = any(stage.stage == FEED and stage.phase in _OVER for stage in look.picture.stages)
    if feed is None or not feed.market_open or not feed.heard_ns or over or not look.working:
        return
    silent_s, every_s = look.since_s(feed.heard_ns), look.feed_every_s()
    usual_s = _STALE_UNKNOWN_S / 3 if every_s is None else every_s
    limit_s = _STALE_S if usual_s <= _TICKS_S else 3 * usual_s
    begins = look.looked_s < limit_s or not look.feed_counts
    held = "with something at stake" if look.holding else "nothing is at stake"
    cause = f"no event for {silent_s:,.0f} s while the market is open; {held}"
    silent_s = min(silent_s, limit_s / 2) if begins else silent_s
    yield Measure("", cause, silent_s, limit_s, limit_s / 3, "critical" if look.holding else "high")


def feed_reconnects(look: Look) -> Iterator[Measure]:
    """Count how often the feed was connected anew in ten minutes."""
    feed, earlier = look.picture.feed, look.earlier(_RECONNECTS_S, by_feed=True)
    if feed is not None and earlier is not None and look.feed_counts:
        began_anew = feed.reconnects < earlier.reconnects  # its process did, and counts from nothing
        count = feed.reconnects - (0 if began_anew else earlier.reconnects)
        cause = f"it was connected anew {count} times in the latest ten minutes"
        yield Measure("", cause, count, _RECONNECTS + 1, _RECONNECTS)


def events_kept_out(look: Look) -> Iterator[Measure]:
    """Count the market events that were kept out in five minutes."""
    feed, earlier = look.picture.feed, look.earlier(_KEPT_OUT_S, by_feed=True)
    if feed is not None and earlier is not None and look.feed_counts:
        count = feed.kept_out - earlier.kept_out
        yield Measure("", f"{count} in the latest five minutes; they stand on market.ticks.dlq with the reason", count)


def sources_away(look: Look) -> Iterator[Measure]:
    """Find the places that cannot be read; without the log nobody knows what the session does.

    What was never read may just not have begun, and is no reason to call anybody. One that can be read and shows what
    is old has its alarms by the stage that should fill it. While the log is away, the store is held against nothing:
    what is said of it then is no news.
    """
    begun = look.picture.session is not None
    blind = any(source.name == "log" and not source.is_read for source in look.picture.sources)
    for source in look.picture.sources:
        if not source.is_read and look.picture.number:
            seen = f"last read at {_clock(source.read_ns)}" if source.read_ns else "it was never read"
            cause = f"{source.trouble}; {seen}"
            worst = "critical" if source.name == "log" else "high"
            figure = 0.5 if blind and source.name == "store" else 1.0
            priority = worst if begun or source.read_ns else "low"
            yield Measure(source.name, cause, figure, release=0.5, priority=priority)


def screens_still(look: Look) -> Iterator[Measure]:
    """Measure how old the picture is that all screens show; one is taken each second."""
    age_s = look.since_s(look.picture.taken_ns)
    yield Measure("", f"the last picture was taken {age_s:,.0f} s ago", age_s, _STILL_S, _STILL_S / 2)


def lag_grows(look: Look) -> Iterator[Measure]:
    """Measure how far each stage is behind the log, as long as it does not catch up.

    A replay that goes faster than the market is read as fast as can be: nobody's orders are late for that.
    """
    earlier = look.earlier(_GROWTH_S)
    races = earlier is not None and look.market_s(earlier) > _RACES * look.since_s(earlier.taken_ns)
    for name, stage in named_stages(look.picture) if look.working and earlier else ():
        before = earlier.lags.get(name) if earlier else None
        if stage.stage != PORTFOLIO and stage.lag is not None and before is not None and stage.phase in _AT_WORK:
            figure = stage.lag if stage.lag > before and not races else min(stage.lag, _LAG)
            cause = f"it is {stage.lag:,} records behind, and was {before:,} not long ago"
            yield Measure(name, cause, figure, _LAG + 1, _LAG / 2)


def portfolio_behind(look: Look) -> Iterator[Measure]:
    """Measure how far the portfolio is behind the log."""
    for _, stage in named_stages(look.picture) if look.working else ():
        if stage.stage == PORTFOLIO and stage.lag is not None and stage.phase in _AT_WORK:
            cause = f"it is {stage.lag:,} records behind"
            yield Measure("", cause, stage.lag, _PORTFOLIO_LAG + 1, _PORTFOLIO_LAG / 2)


def dead_letters(look: Look) -> Iterator[Measure]:
    """Count the records that nobody could process, beyond those that somebody has dealt with.

    Market events that were kept out are letters, too, and have a rule of their own. How many those are the feed alone
    knows: before it has said so, nothing new is found.
    """
    now = look.picture.feed.kept_out if look.picture.feed else 0
    count = look.picture.dead_letters - max(now, *(each.kept_out for each in look.before), 0)
    limit = look.settled.get("DeadLetters", 0) + 1
    cause = f"{count} records stand among the dead letters"
    if look.feed_counts:
        yield Measure("", cause, count, limit, limit)
    else:
        yield Measure("", cause, min(count, limit - 1), limit, limit - 1)


# ── The account ──────────────────────────────────────────────────────────────────────────────────────────────────────


def kill_engaged(look: Look) -> Iterator[Measure]:
    """Find whether somebody has killed the account, or will have as soon as it looks."""
    picture = look.picture
    if picture.latch is not None:
        why = f": {picture.latch.reason}" if picture.latch.reason else ""
        yield Measure("", f"engaged by {picture.latch.who} at {_clock(picture.latch.time_ns)}{why}")
    elif picture.killed:
        yield Measure("", "the account says that it is killed, and no latch is engaged any more")


def account_halted(look: Look) -> Iterator[Measure]:
    """Find whether the account has halted itself."""
    account = look.picture.account
    if account is not None and account.state == "halted":
        yield Measure("", f"it was halted by {account.halt or 'a limit'}")


def account_unanswered(look: Look) -> Iterator[Measure]:
    """Find what the account was told and has not done; with the session over, nobody is there to answer."""
    picture = look.picture
    if not look.working or picture.phase not in ("trading", "recovering"):
        return
    if picture.latch is not None and picture.account is not None and picture.account.state != "killed":
        cause = f"the kill latch is engaged, and the account is {picture.account.state}"
        yield Measure("kill", cause, priority="critical")
    if picture.commands_waiting:
        yield Measure("commands", f"{picture.commands_waiting} commands wait to be taken up")
    if picture.account is None and picture.phase == "trading":
        yield Measure("report", "it has not reported since the session began")


def positions_unwatched(look: Look) -> Iterator[Measure]:
    """Find whether real positions were left to themselves: the session was stopped, and the market is open.

    A feed that came to its own end has seen the close.
    """
    session, feed = look.picture.session, look.picture.feed
    stopped = any(stage.stage == FEED and stage.phase == "stopped" for stage in look.picture.stages)
    open_ended = stopped and look.picture.phase == "ended" and feed is not None and bool(feed.market_open)
    if session is not None and session.mode == "live" and open_ended and look.holding and not look.is_history:
        held = sum(position.quantity != 0 for position in look.picture.positions)
        yield Measure("", f"the session was stopped while the market is open, with {held} positions")


def account_paused(look: Look) -> Iterator[Measure]:
    """Find whether the whole account is paused."""
    if look.working and look.picture.account is not None and look.picture.account.state == "paused":
        yield Measure("", "somebody paused it, and perhaps forgot")


def day_loss_near(look: Look) -> Iterator[Measure]:
    """Measure the day's loss against the first limit that there is."""
    limit = _limit(look, "day_loss_reduce") or _limit(look, "day_loss_halt")
    if limit is not None:
        yield _near(limit, "lost today")


def day_loss_reduces(look: Look) -> Iterator[Measure]:
    """Measure the day's loss against the limit from which positions only become smaller."""
    yield from _reached(look, "day_loss_reduce", "lost today")


def day_loss_halts(look: Look) -> Iterator[Measure]:
    """Measure the day's loss against the limit that halts the account."""
    yield from _reached(look, "day_loss_halt", "lost today")


def drawdown_near(look: Look) -> Iterator[Measure]:
    """Measure the drawdown against its limit."""
    limit = _limit(look, "drawdown_halt")
    if limit is not None:
        yield _near(limit, "below its peak")


def drawdown_halts(look: Look) -> Iterator[Measure]:
    """Measure the drawdown against the limit that halts the account."""
    yield from _reached(look, "drawdown_halt", "below its peak")


def _limit(look: Look, name: str) -> Limit | None:
    """Return a limit of the account; None where it is switched off."""
    found = (limit for limit in look.picture.limits if limit.name == name and limit.allowed > 0)
    return next(found, None) if look.working else None


def _near(limit: Limit, what: str) -> Measure:
    cause = f"{limit.used:.2%} {what}; at {limit.allowed:.2%} {limit.action}"
    return Measure("", cause, limit.used / limit.allowed, _NEAR, _NEAR_RELEASE)


def _reached(look: Look, name: str, what: str) -> Iterator[Measure]:
    limit = _limit(look, name)
    if limit is not None:
        cause = f"{limit.used:.2%} {what}, and {limit.allowed:.2%} are allowed: {limit.action}"
        yield Measure("", cause, limit.used, limit.allowed, limit.allowed * _LIMIT_RELEASE)


def refusals_burst(look: Look) -> Iterator[Measure]:
    """Count by rule what was refused in five minutes: of the market, where a replay goes faster than the clock."""
    earlier = look.earlier(_REFUSALS_S)
    span_s = max(look.market_s(earlier), _REFUSALS_S) if earlier is not None else _REFUSALS_S
    for refusals in look.picture.refusals if earlier is not None and look.working else ():
        count = refusals.count - (earlier.refusals.get(refusals.code, 0) if earlier else 0)
        count = int(count * _REFUSALS_S / span_s)
        asked = collections.Counter(each.strategy for each in look.picture.decisions if each.code == refusals.code)
        of = f", lately most of {asked.most_common(1)[0][0]}" if asked else ""
        cause = f"{count} signals in the latest five minutes{of}"
        yield Measure(refusals.code, cause, count, _REFUSALS + 1, _REFUSALS / 2)


def strategies_disabled(look: Look) -> Iterator[Measure]:
    """Find the strategies that too many refusals have disabled."""
    for strategy in look.picture.strategies if look.working else ():
        if strategy.state == "disabled":
            yield Measure(strategy.name, "its orders were refused too often")


def orders_stuck(look: Look) -> Iterator[Measure]:
    """Count the orders at work that should have come to an end; those with a limit may rest until the day is over."""
    account, feed = look.picture.account, look.picture.feed
    if account is None or not account.market_ns or feed is None or not look.working:
        return
    stuck = [order for order in look.picture.orders if _is_stuck(order, account.market_ns, bool(feed.market_open))]
    if stuck:
        named = "; ".join(_named(order) for order in stuck[:3])
        more = f"; and {len(stuck) - 3} more" if len(stuck) > 3 else ""
        yield Measure("", f"{named}{more}", len(stuck))


def _is_stuck(order: Order, market_ns: int, market_open: bool) -> bool:
    if order.status not in _ORDER_AT_WORK:
        return False
    if order.validity == "DAY" and ist_date(order.made_ns) < ist_date(market_ns):
        return True
    triggered = order.order_type == "SL-M" and order.status != "working"  # it is a market order by then
    at_once = order.order_type == "MARKET" or order.validity == "IOC" or triggered
    return at_once and market_open and market_ns - max(order.made_ns, order.updated_ns) >= _STUCK_NS


def _named(order: Order) -> str:
    done = f"{order.filled:,} of {order.quantity:,}"
    return (
        f"order {order.order_id} of {order.strategy}, {order.side} {done} {order.symbol}, since {_clock(order.made_ns)}"
    )


def orders_slow(look: Look) -> Iterator[Measure]:
    """Measure how late one order in a hundred comes after its tick."""
    for name, stage in named_stages(look.picture) if look.working else ():
        for delay in stage.delays:
            if delay.name == "tick_to_order":
                cause = f"one in a hundred later than {delay.p99_s * 1_000:,.0f} ms, as {name} says; the aim is 10 ms"
                yield Measure("", cause, delay.p99_s, _LATE_S, _LATE_RELEASE_S)


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def no_target(look: Look) -> Iterator[Measure]:
    """Find whether messages go anywhere; where real money is traded, it is more than an inconvenience."""
    if look.sends and not look.channels:
        live = look.picture.session is not None and look.picture.session.mode == "live"
        yield Measure("", "ALPHA_PANDA_ALERTS names no target that can be used", priority="high" if live else None)


def targets_failing(look: Look) -> Iterator[Measure]:
    """Find the targets that did not take their last message."""
    for channel in look.channels:
        if channel.well is False:
            yield Measure(channel.target, channel.trouble)


def not_kept(look: Look) -> Iterator[Measure]:
    """Find whether the database takes what happens to alarms."""
    if not look.kept:
        yield Measure("", "the database does not answer")


def _clock(time_ns: int) -> str:
    return f"{ist_datetime(time_ns):%H:%M:%S}"
