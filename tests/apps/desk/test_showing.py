"""What the log and the store say is shown with symbols, averages and no figure that belongs to another moment."""

import msgspec
import pytest

from alpha_panda.apps.desk.showing import Shower
from alpha_panda.live.store.base import Position
from tests.live.samples import ORDER
from tests.live.trading import blueprint, market, paper

TOKEN = int(market()[0].tokens[0])
BOOK = f"momentum:{TOKEN}"


@pytest.fixture
def shower() -> Shower:
    return Shower(blueprint().record(0), paper())


def book(quantity: int, cost_e4: int) -> Position:
    return Position("momentum", TOKEN, quantity, cost_e4, 0, 0, 1, 100_0000, 1)


def test_a_position_is_valued_only_at_the_quantity_that_the_account_reported(shower: Shower):
    figures = {f"quantity.{BOOK}": 10.0, f"unrealised_e4.{BOOK}": 50_0000.0, f"last_e4.{TOKEN}": 105_0000.0}

    same = shower.position(book(10, 1000_0000), figures)
    grown = shower.position(book(25, 2520_0000), figures)
    closed = shower.position(book(0, 0), figures)

    assert (same.unrealised_e4, same.last_e4) == (50_0000, 105_0000)
    assert (grown.unrealised_e4, grown.last_e4) == (None, 105_0000)
    assert closed.unrealised_e4 == 0


@pytest.mark.parametrize(
    ("quantity", "cost_e4", "average_e4"),
    [(3, 100, 33), (3, 101, 34), (-3, -100, 33), (2, 3, 2), (-2, -3, 2), (0, 0, None)],
)
def test_an_average_is_to_the_nearest_e4_for_long_and_short_alike(
    shower: Shower, quantity: int, cost_e4: int, average_e4: int | None
):
    assert shower.position(book(quantity, cost_e4), {}).average_e4 == average_e4


def test_what_the_account_has_not_reported_is_not_made_up(shower: Shower):
    shown = shower.position(book(10, 1000_0000), {})

    assert (shown.last_e4, shown.unrealised_e4) == (None, None)


def test_only_orders_that_have_changed_are_made_again(shower: Shower):
    first, second, third = (msgspec.structs.replace(ORDER, order_id=number, status="working") for number in (1, 2, 3))
    before = shower.orders([second, first])

    after = shower.orders([third, msgspec.structs.replace(second), msgspec.structs.replace(first, status="complete")])

    assert [(order.order_id, order.status) for order in after] == [(3, "working"), (2, "working"), (1, "complete")]
    assert after[1] is before[0]
