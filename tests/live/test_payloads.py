"""What the account writes arrives on the log field for field, in words."""

from typing import get_args

import numpy as np
import pytest

from alpha_panda.errors import KernelError
from alpha_panda.kernels import records
from alpha_panda.kernels.risk import COLLAR
from alpha_panda.live.messages import (
    AccountState,
    Decision,
    Fill,
    Guard,
    OrderStatus,
    OrderType,
    OrderUpdate,
    PnlSnapshot,
    Side,
    Ticks,
    Validity,
    Verdict,
)
from alpha_panda.live.payloads import (
    Names,
    decisions_of,
    events_of,
    fills_of,
    orders_of,
    snapshots_of,
)
from alpha_panda.words import WORDS
from tests.live.samples import INFY, RELIANCE, numbered

NAMES = Names(("momentum", "rsi"), (RELIANCE, INFY))


def same_figures(payload, record, besides: set[str]):
    """Check every field of `payload` that a record names alike, and that no other field was forgotten."""
    names = set(payload.__struct_fields__)
    shared = names & set(record.dtype.names)
    assert names - shared == {"instrument_token"} & names
    for name in shared - besides:
        assert getattr(payload, name) == record[name].item(), name


def test_a_decision_carries_every_figure_of_its_record():
    decisions = numbered(
        records.DECISION, 2, strategy=1, instrument=0, verdict=records.REFUSED, code=COLLAR, side=-1, guard=0
    )
    decisions["instrument"][1] = 1
    first, second = decisions_of(decisions, NAMES)
    for payload, record in zip((first, second), decisions, strict=True):
        same_figures(payload, record, besides={"strategy", "verdict", "code", "side", "guard"})
    assert (first.strategy, first.instrument_token, second.instrument_token) == ("rsi", RELIANCE, INFY)
    assert (first.verdict, first.code, first.side, first.guard) == ("refused", "collar", "SELL", "none")
    assert isinstance(first, Decision)


def test_an_order_carries_every_figure_of_its_record():
    orders = numbered(
        records.ORDER,
        1,
        strategy=0,
        instrument=1,
        side=1,
        order_type=records.SL_M,
        validity=records.IOC,
        status=records.PARTIAL,
        opening=1,
        guard=records.SQUARE_OFF,
    )
    (order,) = orders_of(orders, NAMES)
    words = {"strategy", "side", "order_type", "validity", "status", "opening", "guard"}
    same_figures(order, orders[0], besides=words)
    assert (order.strategy, order.instrument_token, order.side, order.opening) == ("momentum", INFY, "BUY", True)
    assert (order.order_type, order.validity, order.status, order.guard) == ("SL-M", "IOC", "partial", "square_off")
    assert isinstance(order, OrderUpdate)


def test_a_fill_carries_every_figure_and_each_item_of_its_charges():
    fills = numbered(records.FILL, 1, strategy=0, instrument=0, side=-1, guard=records.STOP_LOSS)
    (fill,) = fills_of(fills, NAMES)
    same_figures(fill, fills[0], besides={"strategy", "side", "guard", "charges"})
    same_figures(fill.charges, fills[0]["charges"], besides=set())
    assert (fill.side, fill.guard) == ("SELL", "stop_loss")
    assert isinstance(fill, Fill)


def test_a_snapshot_carries_every_figure_of_its_record():
    snapshots = numbered(records.SNAPSHOT, 1, state=records.HALTED)
    (snapshot,) = snapshots_of(snapshots)
    same_figures(snapshot, snapshots[0], besides={"state"})
    assert snapshot.state == "halted"
    assert isinstance(snapshot, PnlSnapshot)


def test_no_records_are_no_messages():
    assert decisions_of(np.zeros(0, records.DECISION), NAMES) == []


def test_events_come_out_of_a_frame_as_they_went_in():
    events = numbered(records.EVENT, 3, kind=records.TICK)
    ticks = Ticks(len(events), events.tobytes(), 5)
    assert (ticks.count, events_of(ticks).tobytes()) == (3, events.tobytes())
    assert events_of(ticks).dtype == records.EVENT


def test_a_slice_of_events_is_a_frame_of_its_own():
    events = numbered(records.EVENT, 6)
    assert events_of(Ticks(0, events[1::2].tobytes(), 5)).tobytes() == events[1::2].tobytes()


def test_the_events_of_a_frame_cannot_be_changed():
    events = events_of(Ticks(1, bytes(80), 1))
    with pytest.raises(ValueError, match="read-only"):
        events["close_e4"][0] = 1


@pytest.mark.parametrize(
    ("field", "index", "message"),
    [
        ("strategy", 2, "names strategy 2, and the session has 2"),
        ("strategy", -1, "names strategy -1"),
        ("instrument", 2, "names instrument 2"),
        ("instrument", -1, "names instrument -1"),
    ],
)
def test_an_index_of_another_session_is_refused(field: str, index: int, message: str):
    fills = numbered(records.FILL, 1, strategy=0, instrument=0, side=1, guard=0)
    fills[field] = index
    with pytest.raises(KernelError, match=message):
        fills_of(fills, NAMES)


@pytest.mark.parametrize("field", ["side", "order_type", "validity", "status", "opening", "guard"])
def test_a_number_without_a_word_is_refused(field: str):
    words = {name: 1 for name in records.ORDER.names if name in WORDS or name == "opening"}
    orders = numbered(records.ORDER, 1, strategy=0, instrument=0, **words | {field: 99})
    with pytest.raises(KernelError, match=f"a record has {field} 99"):
        orders_of(orders, NAMES)


def test_every_word_is_one_that_the_messages_know():
    known = {
        "verdict": get_args(Verdict),
        "side": get_args(Side),
        "order_type": get_args(OrderType),
        "validity": get_args(Validity),
        "status": get_args(OrderStatus),
        "guard": get_args(Guard),
        "state": get_args(AccountState),
    }
    assert {field: tuple(WORDS[field].values()) for field in known} == known
