"""A price that moves: what is drawn already stays, and a person who has zoomed keeps looking where they look."""

from typing import Any

import pytest
from bokeh.models import ColumnDataSource

from alpha_panda.apps.charts.live_prices import PriceChart
from alpha_panda.apps.charts.theme import DARK, LIGHT
from alpha_panda.apps.desk.history_models import Bar
from alpha_panda.apps.desk.models import Charges, Fill
from alpha_panda.units import E4, MINUTE_NS

NINE_FIFTEEN_NS = 1_763_696_700 * 10**9  # 21 November 2025 in India


def bar(minute: int, close: int) -> Bar:
    return Bar(
        time_ns=NINE_FIFTEEN_NS + minute * MINUTE_NS,
        open_e4=100 * E4,
        high_e4=max(close, 100) * E4,
        low_e4=min(close, 100) * E4,
        close_e4=close * E4,
        volume=10,
    )


def fill(side: str, position: int) -> Fill:
    free = Charges(**dict.fromkeys(Charges.model_fields, 0))
    return Fill.model_validate(
        {
            "time_ns": NINE_FIFTEEN_NS,
            "order_id": 1,
            "strategy": "trend",
            "symbol": "NSE:TCS",
            "side": side,
            "quantity": 5,
            "price_e4": 101 * E4,
            "charges": free,
            "realised_e4": 0,
            "position": position,
            "guard": "none",
        }
    )


@pytest.fixture
def prices() -> PriceChart:
    return PriceChart(LIGHT)


def column(prices: PriceChart, name: str) -> list[Any]:
    sources = [each for each in prices.figure.select(ColumnDataSource) if name in each.data]
    return [value for source in sources for value in source.data[name]]


def test_a_growing_minute_is_patched_and_a_new_one_is_added(prices: PriceChart):
    prices.show((bar(0, 101), bar(1, 102)), ())
    prices.show((bar(0, 101), bar(1, 99), bar(2, 103)), ())
    assert column(prices, "close") == [101.0, 99.0, 103.0]
    assert column(prices, "sense") == ["up", "down", "up"]


def test_another_instrument_replaces_everything(prices: PriceChart):
    prices.show((bar(0, 101), bar(1, 102)), ())
    prices.show((bar(0, 55),), ())
    assert column(prices, "close") == [55.0]


def test_what_leaves_a_position_is_hollow(prices: PriceChart):
    prices.show((bar(0, 101),), (fill("BUY", 5), fill("BUY", 0), fill("BUY", -2)))
    assert column(prices, "alpha") == [1.0, 0.0, 0.0]


def test_the_axis_follows_the_day_until_a_person_moves_it(prices: PriceChart):
    axis = prices.figure.x_range
    prices.show((bar(0, 101),), ())
    followed = axis.end
    prices.show((bar(0, 101), bar(1, 102)), ())
    assert axis.end == followed + 60_000
    axis.end -= 30_000
    prices.show((bar(0, 101), bar(1, 102), bar(2, 102)), ())
    assert axis.end == followed + 30_000
    prices.follow()
    prices.show((bar(0, 101), bar(1, 102), bar(2, 102)), ())
    assert axis.end == followed + 120_000


def test_it_takes_the_colours_of_a_theme_and_draws_nothing_of_nothing(prices: PriceChart):
    prices.show((), ())
    assert not any(axis.visible for axis in prices.figure.axis)
    prices.wear(DARK)
    assert prices.figure.background_fill_color == DARK.surface
