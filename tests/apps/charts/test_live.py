"""A chart that moves is sent what is new, stands in the time of India, and is drawn to the paisa."""

import numpy as np
import pytest

from alpha_panda.apps.charts.live import EquityCurve, in_rupees, ist_milliseconds
from alpha_panda.apps.charts.theme import DARK, LIGHT
from alpha_panda.units import E4, SECOND_NS

NINE_FIFTEEN_NS = 1_763_696_700 * SECOND_NS  # 21 November 2025, 09:15 in India
START_E4 = 10_00_000 * E4


@pytest.fixture
def curve() -> EquityCurve:
    return EquityCurve(LIGHT)


def minutes(count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return (
        tuple(NINE_FIFTEEN_NS + 60 * SECOND_NS * place for place in range(count)),
        tuple(START_E4 + place * E4 for place in range(count)),
    )


def columns(curve: EquityCurve) -> dict[str, np.ndarray]:
    return curve.figure.renderers[0].data_source.data


def test_what_bokeh_takes_for_utc_is_the_time_in_india():
    quarter_past_nine_ms = (9 * 60 + 15) * 60 * 1_000
    assert ist_milliseconds((NINE_FIFTEEN_NS,))[0] % 86_400_000 == quarter_past_nine_ms
    assert in_rupees((16_500_100,))[0] == 1650.01


def test_the_gain_is_counted_from_where_the_day_began(curve: EquityCurve):
    times_ns, equity_e4 = minutes(3)
    curve.show(times_ns, equity_e4, START_E4)
    assert columns(curve)["gain"].tolist() == [0.0, 1.0, 2.0]
    left, right = curve.figure.y_range, curve.figure.extra_y_ranges["gain"]
    assert (left.start - right.start, left.end - right.end) == (START_E4 / E4, START_E4 / E4)
    assert right.start < 0.0 < 2.0 < right.end


def test_only_what_is_new_is_sent(curve: EquityCurve, monkeypatch: pytest.MonkeyPatch):
    curve.show(*minutes(3), START_E4)
    streamed = []
    source = curve.figure.renderers[0].data_source
    monkeypatch.setattr(type(source), "stream", lambda self, new: streamed.append(new["equity"].tolist()))
    curve.show(*minutes(5), START_E4)
    curve.show(*minutes(5), START_E4)
    assert streamed == [[10_00_003.0, 10_00_004.0]]


def test_another_past_is_drawn_anew(curve: EquityCurve):
    curve.show(*minutes(5), START_E4)
    times_ns, equity_e4 = minutes(5)
    curve.show(times_ns[::2], equity_e4[::2], START_E4)
    assert columns(curve)["equity"].tolist() == [10_00_000.0, 10_00_002.0, 10_00_004.0]


def test_a_chart_of_nothing_has_no_axes(curve: EquityCurve):
    assert not any(axis.visible for axis in curve.figure.axis)
    curve.show(*minutes(1), START_E4)
    assert all(axis.visible for axis in curve.figure.axis)
    assert curve.figure.x_range.end > curve.figure.x_range.start


def test_it_wears_the_theme(curve: EquityCurve):
    assert curve.figure.renderers[1].glyph.line_color == LIGHT.buy
    curve.wear(DARK)
    assert curve.figure.renderers[1].glyph.line_color == DARK.buy
    assert curve.figure.background_fill_color == DARK.surface


def test_no_two_pages_share_a_part(curve: EquityCurve):
    other = EquityCurve(LIGHT)
    assert not {model.id for model in curve.figure.references()} & {model.id for model in other.figure.references()}
