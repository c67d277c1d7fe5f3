"""Why the account did what it did, where neither a signal nor a guard asked for it."""

from alpha_panda.chain import Work
from alpha_panda.kernels.records import NO_GUARD
from alpha_panda.live.arrivals import Arrival
from alpha_panda.live.causes import Causes
from alpha_panda.live.control.commands import command_message
from alpha_panda.live.envelope import encode
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import Decision, OrderUpdate
from alpha_panda.live.streams import Entry
from alpha_panda.live.topics import CONTROL
from tests.live.trading import blueprint
from tests.market import Desk, path, profile, strategy_terms


def test_an_exit_that_is_asked_for_again_is_caused_by_what_cancelled_it():
    # Long ten, on the way to ten short: the pause cancels the order, and what it would have closed is asked for again.
    terms = profile(strategy_terms(size={"mode": "units", "value": 10}))
    desk = Desk(path("10:00", 100, 100, 100), (0, 1.0), (2, -1.0), terms=terms, commands=[(3, "pause", "")])
    again = desk.work.decisions[-1:]
    assert (again["guard"].item(), again["granted"].item()) == (NO_GUARD, 10)
    orders = desk.work.orders[desk.work.orders["order_id"] == again["order_id"]]
    work = Work(again, orders, desk.work.fills[:0], desk.work.snapshots[:0])
    pause = command_message("pause", "", "anand@desk", "", 17)
    entry = Entry(Record(CONTROL.name, 0, 0, b"", encode(pause)), pause, 1)
    decision, order = Causes(blueprint()).explain(work, [Arrival([entry])], [])
    assert isinstance(decision.data, Decision)
    assert isinstance(order.data, OrderUpdate)
    assert (decision.causation_id, order.causation_id) == (pause.id, decision.id)
