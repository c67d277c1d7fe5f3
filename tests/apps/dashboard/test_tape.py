"""A line of the tape says what happened, with the figures that led to it, and keeps its name as others arrive."""

from alpha_panda.apps.dashboard.tape import LINES_MAX, tape_lines
from tests.apps.dashboard.example import example_picture


def test_each_kind_of_happening_has_its_words():
    texts = {line["mark"]: line["text"] for line in tape_lines(example_picture().happenings[:8])}
    assert texts == {
        "refused": "gross exposure ₹16,12,000.00 of ₹15,00,000.00: BUY 200 NSE:RELIANCE",
        "signal": "NSE:RELIANCE target +1.00 · trend",
        "SELL": "60 NSE:INFY LIMIT at 1,520.00 working",
        "clipped": "order value ₹5,69,470.00 of ₹3,50,000.00: BUY 200 NSE:RELIANCE, 120 granted",
        "approved": "SELL 60 NSE:RELIANCE · trend",
        "BUY fill": "120 NSE:RELIANCE at 2,847.35 · charges ₹46.23",
        "BUY": "120 NSE:RELIANCE MARKET complete",
        "person": "asha: pause breakout · gap in the feed",
    }


def test_a_line_keeps_its_name_when_others_arrive():
    happenings = example_picture().happenings
    before = [line["key"] for line in tape_lines(happenings[1:])]
    after = [line["key"] for line in tape_lines(happenings)]
    assert after[1:] == before


def test_two_that_read_the_same_are_two_lines():
    signal = example_picture().happenings[1]
    names = [line["key"] for line in tape_lines((signal, signal, signal))]
    assert len(set(names)) == 3
    assert [line["key"] for line in tape_lines((signal, signal, signal, signal))][1:] == names


def test_a_long_tape_is_cut_at_its_old_end():
    happenings = example_picture().happenings * 10
    lines = tape_lines(happenings)
    assert len(lines) == LINES_MAX
    assert lines[0]["text"] == tape_lines(happenings[:1])[0]["text"]
