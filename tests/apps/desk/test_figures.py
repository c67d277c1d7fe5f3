"""At any moment of any days, each figure is what follows from fills and prices alone, to the 1/10,000 rupee.

The account trades random streams: long and short, through flat, in parts, two strategies on one instrument, intraday,
delivery and futures, over night, with limits that halt, and commands. Its report, the portfolio and what it said since
are of different moments, as a desk finds them.
"""

import collections
import dataclasses
import random
from typing import get_args

import pytest

from alpha_panda.apps.desk.drawing import Facts, draw
from alpha_panda.apps.desk.minutes import Minutes
from alpha_panda.apps.desk.models import Picture
from alpha_panda.apps.desk.showing import Shower
from alpha_panda.apps.desk.sources import Reading, SourceName
from alpha_panda.apps.desk.tape import Tape
from alpha_panda.chain import AccountStage
from alpha_panda.kernels.clock import NEVER_NS
from alpha_panda.kernels.records import FUTURE
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import Decision, Fill, Listing, OrderUpdate, Place, PnlSnapshot, Session, StageReport
from alpha_panda.live.routing import topic_of
from alpha_panda.live.session import profile_text
from alpha_panda.live.store.base import Change, Portfolio
from alpha_panda.live.store.redis import RedisStore
from alpha_panda.live.streams import Entry
from alpha_panda.live.watch.figures import account_figures
from alpha_panda.units import ist_date
from tests.apps.desk.accounting import NAMES, Course, Ledger
from tests.live.trading import PAPER, blueprint
from tests.streams import UNIVERSE, any_stream

WALL_NS = 1_795_000_000_000_000_000
MADE_OF = blueprint()


@dataclasses.dataclass
class Moments:
    """How many events had passed when each of the things that a desk knows was so."""

    reported: int
    folded: int
    heard: int


async def drawn(seed: int) -> tuple[Course, Moments, Picture]:
    """Return the way of an account through a stream, and the picture of it at moments that `seed` chooses."""
    chance, stream = random.Random(seed), any_stream(seed)
    course = Course(stream, AccountStage(stream.terms, UNIVERSE))
    heard = chance.randint(1, len(stream.events))
    moments = Moments(chance.randint(max(heard - 40, 0), heard), chance.randint(max(heard - 40, 0), heard), heard)
    session = Session(0, profile_text(stream.terms), _listings(), "a stream", "", "")
    shower = Shower(session, stream.terms)
    names: tuple[SourceName, ...] = get_args(SourceName)
    facts = Facts("s1", {name: Reading(str, "", WALL_NS) for name in names}, session=session, shower=shower)
    facts.tape, facts.minutes = Tape(shower), Minutes(len(UNIVERSE))
    while course.row < heard:
        if course.row == moments.reported:
            _report(course, facts)
        course.step()
        if chance.random() < 0.01:
            course.command(chance.choice(["pause", "resume", "flatten", "kill"]), "")
    if course.row == moments.reported:
        _report(course, facts)
    facts.minutes.add(stream.events[:heard])
    for sequence, said in enumerate(course.said(PnlSnapshot, heard)):
        facts.reports.note(sequence, said)
        message = MADE_OF.begin(said, source="account", index=sequence, time_ns=said.time_ns)
        facts.tape.take(Entry(Record("pnl", 0, sequence, b"", b""), message, sequence + 1))
    facts.portfolio = await _portfolio(course, moments.folded)
    return course, moments, draw(facts, 1, WALL_NS)


def _listings() -> tuple[Listing, ...]:
    return tuple(Listing(**dataclasses.asdict(instrument)) for instrument in UNIVERSE)


def _report(course: Course, facts: Facts) -> None:
    said = sum(1 for _ in course.said(PnlSnapshot, course.row))
    figures = {**account_figures(course.stage, NAMES), "snapshots": float(said)}
    facts.reports.take(StageReport("account", (0,), "first", "running", WALL_NS, (), figures), WALL_NS)


async def _portfolio(course: Course, row: int) -> Portfolio:
    sequences, changes = collections.Counter[str](), list[Change]()
    for payload in course.payloads[: course.counts[row]]:
        topic = topic_of(PAPER, payload).name
        sequences[topic] += 1
        changes.append(Change(Place(topic, 0, sequences[topic], sequences[topic]), payload))
    async with await RedisStore.open(None) as store:
        await store.begin("paper", "a stream")
        await store.apply("paper", "a stream", changes)
        return await store.read_portfolio("paper")


@pytest.mark.parametrize("seed", range(16))
async def test_each_figure_is_what_follows_from_fills_and_prices(seed: int):
    course, moments, picture = await drawn(seed)
    check_account(course, moments, picture)
    check_limits(course, moments, picture)
    check_books(course, moments, picture)
    check_curve(course, moments, picture)


def check_account(course: Course, moments: Moments, picture: Picture) -> None:
    account, ledger = picture.account, course.ledger(moments.reported)
    assert account is not None
    capital_e4 = course.stream.terms.account.capital_e4
    began_e4 = capital_e4 + course.ledger(course.day_began(moments.reported)).gain_e4()
    before = sum(1 for _ in course.said(PnlSnapshot, moments.reported))
    since = list(course.said(PnlSnapshot, moments.heard))[before:]
    money = (account.realised_e4, account.unrealised_e4, account.charges_e4)
    if since:
        last = since[-1]
        assert money == (last.realised_e4, last.unrealised_e4, last.charges_e4)
        assert (account.equity_e4, account.cash_e4, account.gross_e4) == (last.equity_e4, last.cash_e4, last.gross_e4)
        assert account.state == last.state
    else:
        assert money == ledger.sums_e4()
        assert account.equity_e4 == capital_e4 + ledger.gain_e4()
        assert account.gross_e4 == ledger.gross_e4()
        assert account.cash_e4 == account.equity_e4 - worth_e4(ledger)
        assert (account.state == "running") == (course.stage.account["state"] == 0) or moments.reported < moments.heard
    assert account.day_pnl_e4 == account.equity_e4 - (began_e4 if moments.reported else account.equity_e4)
    orders = {order.order_id for order in course.said(OrderUpdate, moments.reported)}
    refused = sum(decision.verdict == "refused" for decision in course.said(Decision, moments.reported))
    fills = sum(1 for _ in course.said(Fill, moments.reported))
    assert (account.orders_made, account.refused, account.fills) == (len(orders), refused, fills)
    assert (account.positions, account.orders_working) == (len(ledger.open_books()), len(ledger.working))


def worth_e4(ledger: Ledger) -> int:
    """Return what positions are worth in cash: shares are paid for in full, of futures their profit alone."""
    segments = {each.instrument_token: each.segment for each in UNIVERSE}
    return sum(
        book.quantity * ledger.last_e4[token] - (book.cost_e4 if segments[token] == FUTURE else 0)
        for (_, token), book in ledger.books.items()
    )


def check_limits(course: Course, moments: Moments, picture: Picture) -> None:
    ledger, limits = course.ledger(moments.reported), {each.name: each for each in picture.limits}
    equity_e4 = course.stream.terms.account.capital_e4 + ledger.gain_e4()
    assert limits["gross_fraction"].used == (ledger.gross_e4() + ledger.opening_e4()) / equity_e4
    assert limits["positions"].used == len(ledger.open_books() | ledger.books_to_open())
    assert limits["open_orders"].used == len(ledger.working)
    if moments.reported == moments.heard and course.stage.account["settle_ns"] == NEVER_NS:
        account = picture.account
        assert account is not None
        passed = {name for name, each in limits.items() if each.is_ratio and 0 < each.allowed < each.used}
        assert not passed - {"gross_fraction"} or account.halt or account.state == "killed"


def check_books(course: Course, moments: Moments, picture: Picture) -> None:
    folded, reported = course.ledger(moments.folded), course.ledger(moments.reported)
    fills = {(fill.strategy, fill.instrument_token): fill for fill in course.said(Fill, moments.folded)}
    today = ist_date(int(course.stream.events["time_ns"][moments.heard - 1]))
    shown = {(each.strategy, each.instrument_token): each for each in picture.positions}
    assert set(shown) == {key for key in fills if folded.books[key].quantity or ist_date(fills[key].time_ns) == today}
    for key, position in shown.items():
        book = folded.books[key]
        sums = (position.quantity, position.realised_e4, position.charges_e4, position.fills)
        assert sums == (book.quantity, book.realised_e4, book.charges_e4, book.fills)
        assert position.updated_ns == fills[key].time_ns
        if book.quantity:
            assert position.average_e4 is not None
            assert abs(2 * (position.average_e4 * abs(book.quantity) - abs(book.cost_e4))) <= abs(book.quantity)
        same = book.quantity == reported.books[key].quantity
        if position.unrealised_e4 is not None and book.quantity:
            assert same
            assert position.unrealised_e4 == reported.unrealised_e4(key)
            assert (position.last_e4, position.last_ns // 1_000) == (
                reported.last_e4[key[1]],
                reported.last_ns[key[1]] // 1_000,
            )
        assert (position.unrealised_e4 is None) == (book.quantity != 0 and not same)
    for strategy in picture.strategies:
        mine = [book for (name, _), book in folded.books.items() if name == strategy.name]
        assert strategy.realised_e4 == sum(book.realised_e4 for book in mine)
        assert strategy.charges_e4 == sum(book.charges_e4 for book in mine)
        assert strategy.open_positions == sum(book.quantity != 0 for book in mine)
    counted = collections.Counter(
        each.code for each in course.said(Decision, moments.folded) if each.verdict == "refused"
    )
    assert {each.code: each.count for each in picture.refusals} == counted
    working = {order.order_id: (order.status, order.filled) for order in folded.working}
    assert working.items() <= {order.order_id: (order.status, order.filled) for order in picture.orders}.items()


def check_curve(course: Course, moments: Moments, picture: Picture) -> None:
    said = list(course.said(PnlSnapshot, moments.heard))
    of_the_day = [each for each in said if ist_date(each.time_ns) == ist_date(said[-1].time_ns)]
    assert [(point.time_ns, point.equity_e4) for point in picture.curve] == [
        (each.time_ns, each.equity_e4) for each in of_the_day
    ]
