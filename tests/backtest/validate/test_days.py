"""Trading days of events: those on which something happened, and the events of a stretch of them."""

import datetime

from alpha_panda.backtest.inputs import Selection, inputs_of, study_of
from alpha_panda.backtest.validate.days import Days
from alpha_panda.units import ist_date
from tests.backtest.validate.questions import EVENTS, STUDY, UNIVERSE

DAYS = Days.of(EVENTS)


def test_there_is_a_day_for_each_date_of_an_event():
    assert list(DAYS.dates) == sorted({ist_date(time_ns) for time_ns in EVENTS["time_ns"]})
    assert DAYS.dates[0] == datetime.date(2025, 1, 1)
    assert DAYS.starts[-1] == len(EVENTS)


def test_a_stretch_holds_the_events_of_its_days_and_no_others():
    inputs = inputs_of(study_of(STUDY)[0], Selection(events=EVENTS, universe=UNIVERSE), {}, ())
    dates = {ist_date(time_ns) for time_ns in DAYS.cut(inputs, 3, 5).events["time_ns"]}
    assert sorted(dates) == list(DAYS.dates[3:6])
    assert len(DAYS.cut(inputs, 0, len(DAYS) - 1).events) == len(EVENTS)
