"""From entries, exits and weights to targets and signals, and what is refused on the way."""

import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from alpha_panda import indicators
from alpha_panda.backtest.frame_market import market_of
from alpha_panda.backtest.targets import entry_targets, refuse_borrowing, signals_of, weight_targets
from alpha_panda.errors import DataError
from tests.backtest.framed import MONDAY_OPEN, minutes

NOTHING = np.nan


def said(marks: str, mark: str) -> list[bool]:
    """Return which of the words in `marks` contain a letter."""
    return [mark in word for word in marks.split()]


def targets_of(marks: str) -> list[float]:
    """Return the targets of rows that say L and l for a long entry and exit, S and s for short ones, - for none."""
    frame = minutes([100.0] * len(marks.split()))
    return entry_targets(frame, *(pl.Series(said(marks, mark)) for mark in "LlSs")).tolist()


# ── Entries and exits ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("marks", "targets"),
    [
        ("- L - - l -", [NOTHING, 1, NOTHING, NOTHING, 0, NOTHING]),
        ("L L l l L", [1, NOTHING, 0, NOTHING, 1]),  # what is said again changes nothing
        ("l s L s l", [NOTHING, NOTHING, 1, NOTHING, 0]),  # an exit from nothing, and that of the other side
        ("L S L s", [1, -1, 1, NOTHING]),  # the other side turns
        ("S L l S s", [-1, 1, 0, -1, 0]),
        ("Ll L Ll l", [NOTHING, 1, NOTHING, 0]),  # both of one side is neither
        ("LS S LS s", [NOTHING, -1, NOTHING, 0]),  # both entries are neither
        ("L Sl S Ls", [1, -1, NOTHING, 1]),  # an exit with the entry that turns it
    ],
)
def test_an_entry_stands_until_its_exit_or_the_other_side(marks: str, targets: list[float]):
    np.testing.assert_array_equal(targets_of(marks), targets)


def test_each_symbol_has_entries_of_its_own():
    frame = pl.concat([minutes([1.0, 2.0], "A"), minutes([2.0, 1.0], "B")]).sort("time", maintain_order=True)
    # Rows alternate: A at 1, B at 2, then A at 2, B at 1.
    np.testing.assert_array_equal(
        entry_targets(frame, pl.col("close") > 1.5, None, None, None), [NOTHING, 1, 1, NOTHING]
    )
    assert entry_targets(frame, pl.col("close").shift(1) > 1.5, None, None, None).tolist()[3] == 1.0


def test_an_expression_with_windows_of_its_own_is_taken_as_it_is_written():
    frame = pl.concat([minutes([1.0, 2.0], "A"), minutes([2.0, 1.0], "B")])
    strongest = pl.col("close").rank().over("time") == 2.0
    np.testing.assert_array_equal(entry_targets(frame, strongest, ~strongest, None, None), [NOTHING, 1, 1, 0])
    own = pl.col("close").shift(1).over("symbol") == 1.0
    np.testing.assert_array_equal(entry_targets(frame, own, None, None, None), [NOTHING, 1, NOTHING, NOTHING])


def test_a_column_a_series_and_an_expression_say_the_same():
    frame = minutes([1.0, 2.0, 3.0], up=[False, True, False])
    for asked in ("up", frame["up"], pl.col("up"), pl.col("close") == 2.0, pl.col("up") & pl.lit(value=True)):
        np.testing.assert_array_equal(entry_targets(frame, asked, None, None, None), [NOTHING, 1, NOTHING])


def test_one_answer_for_all_rows_is_spread_over_them():
    targets = entry_targets(minutes([1.0, 2.0]), pl.lit(value=True), None, None, None)
    np.testing.assert_array_equal(targets, [1, NOTHING])


def test_an_indicator_that_is_not_ready_says_nothing():
    frame = minutes([1.0, 2.0, 3.0, 4.0])
    targets = entry_targets(frame, indicators.sma(pl.col("close"), 2) > 2, None, None, None)
    np.testing.assert_array_equal(targets, [NOTHING, NOTHING, 1, NOTHING])


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        (pl.Series([True, False]), "entries have 2 values for 3 bars: give one for each row"),
        (pl.Series([True, None, False]), "entries: row 1 has no value, but rows before it have"),
        (pl.Series([1.0, 0.0, 1.0]), "entries are Float64: give true or false for each row"),
        (pl.col("close") / 0, "entries are Float64: give true or false for each row"),
        ("enter", "the frame has no column enter: it has time, open"),
        (pl.col("enter") > 1, "entries cannot be evaluated: unable to find column"),
        (pl.col("close").head(2) > 1, "entries cannot be evaluated: "),
        (pl.all() > 1, "entries cannot be evaluated: "),
        (
            indicators.sma(pl.col("close") - 100, 2) > 1,
            "entries cannot be evaluated: column close: row 0 has",
        ),
        ([True, False, True], "entries are a list: give a column's name, an expression or a Series"),
    ],
)
def test_entries_that_cannot_be_are_refused_in_one_sentence(entries: Any, sentence: str):
    with pytest.raises(DataError) as refused:
        entry_targets(minutes([1.0, 2.0, 3.0]), entries, None, None, None)
    assert str(refused.value).startswith(sentence), str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("place", ["exits", "short_entries", "short_exits"])
def test_the_sentence_names_what_was_wrong(place: str):
    asked = dict.fromkeys(("entries", "exits", "short_entries", "short_exits"), pl.lit(value=False))
    with pytest.raises(DataError, match=f"^{place} have 1 values for 3 bars"):
        entry_targets(minutes([1.0, 2.0, 3.0]), **{**asked, place: pl.Series([True])})


# ── Weights ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_weight_is_said_where_it_is_given():
    frame = minutes([1.0, 2.0, 3.0], w=[None, 0.5, -1.0])
    np.testing.assert_array_equal(weight_targets(frame, "w"), [NOTHING, 0.5, -1.0])
    np.testing.assert_array_equal(weight_targets(frame, pl.col("w") / 2), [NOTHING, 0.25, -0.5])
    np.testing.assert_array_equal(weight_targets(frame, pl.lit(1)), [1, 1, 1])


def test_a_frame_of_weights_is_matched_by_symbol_and_time():
    frame = pl.concat([minutes([1.0, 2.0], "A"), minutes([2.0, 1.0], "B")])
    second = MONDAY_OPEN + datetime.timedelta(minutes=2)
    weights = pl.DataFrame({"symbol": ["B", "A"], "time": [second, second], "weight": [0.25, 0.75]})
    np.testing.assert_array_equal(weight_targets(frame, weights), [NOTHING, 0.75, NOTHING, 0.25])


SECOND = MONDAY_OPEN + datetime.timedelta(minutes=2)


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (pl.Series([0.1, float("nan")]), "weights: row 1 has nan: give a share from -1 to 1, or null to keep the last"),
        (pl.Series([float("inf"), 0.1]), "weights: row 0 has inf"),
        (pl.Series([1.01, 0.1]), "weights: row 0 has 1.01"),
        (pl.Series(["half", "half"]), "weights are String: give a share of the equity for each row"),
        (pl.Series([0.5]), "weights have 1 values for 2 bars"),
        (pl.DataFrame({"time": [SECOND]}), "the frame has no column weight: it has time"),
        (pl.DataFrame({"weight": [0.5]}), "the frame has no column time: it has weight"),
        (
            pl.DataFrame({"time": [SECOND + datetime.timedelta(minutes=1)], "weight": [0.5]}),
            "weights: there is no bar of 2024-07-08 09:18:00",
        ),
        (pl.DataFrame({"time": [SECOND, SECOND], "weight": [0.5, 0.4]}), "weights: "),
        (pl.DataFrame({"time": ["09:17"], "weight": [0.5]}), "weights: "),
    ],
)
def test_weights_that_cannot_be_are_refused_in_one_sentence(weights: Any, sentence: str):
    with pytest.raises(DataError) as refused:
        weight_targets(minutes([1.0, 2.0]), weights)
    assert str(refused.value).startswith(sentence), str(refused.value)
    assert "\n" not in str(refused.value)


def test_weights_that_stand_at_one_time_may_not_borrow():
    frame = pl.concat([minutes([1.0, 1.0, 1.0], "A"), minutes([1.0, 1.0, 1.0], "B")])
    market = market_of(frame, None)
    third = 1 / 3
    refuse_borrowing(market, np.array([third, NOTHING, 1.0, 2 * third, NOTHING, 0.0]))
    with pytest.raises(DataError, match=r"the weights that stand at 2024-07-08 09:17:00 IST add up to 1\.25: keep"):
        refuse_borrowing(market, np.array([0.5, NOTHING, 0.5, 0.25, -0.75, NOTHING]))


# ── Signals ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_within_one_instant_what_reduces_comes_first():
    frame = pl.concat([minutes([1.0, 1.0], symbol) for symbol in "ABCD"])
    market = market_of(frame, None)
    signals = signals_of(market, np.array([0.1, 0.4, 0.5, 0.2, 0.3, -0.3, 0.1, 0.1]))
    assert [(row["instrument"], row["target"]) for row in signals] == [
        *((0, 0.1), (1, 0.5), (2, 0.3), (3, 0.1)),
        *((1, 0.2), (3, 0.1), (0, 0.4), (2, -0.3)),
    ]
    assert signals["event_index"].tolist() == [4] * 4 + [9] * 4
    assert (signals["time_ns"] == market.events["time_ns"][signals["event_index"]]).all()
