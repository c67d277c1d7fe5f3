"""No order without an approval, nothing opened against a halt, nothing kept from closing: whatever happens."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.kernels import risk
from alpha_panda.kernels.records import BUY, CLIPPED, NO_GUARD, REFUSED, SELL, WORKING, Records
from tests.market import rows
from tests.streams import Run, any_stream, whole

some = settings(deadline=None, max_examples=40)
any_seed = st.integers(0, 2**32)


def made(orders: Records) -> Records:
    """Return the orders that were placed, each as it was then."""
    return orders[(orders["status"] == WORKING) & (orders["filled"] == 0)]


@some
@given(any_seed)
def test_every_order_has_one_approval_and_every_approval_one_order(seed: int):
    _, work = whole(any_stream(seed))
    approvals = work.decisions[work.decisions["verdict"] != REFUSED]
    columns = ("order_id", "time_ns", "strategy", "instrument", "side", "guard")
    assert rows(approvals, *columns, "granted") == rows(made(work.orders), *columns, "quantity")
    assert approvals["order_id"].tolist() == list(range(1, len(approvals) + 1))
    refused = work.decisions[work.decisions["verdict"] == REFUSED]
    assert not refused["order_id"].any()
    assert not refused["granted"].any()
    assert (refused["code"] != risk.NONE).all()
    assert np.isin(work.fills["order_id"], approvals["order_id"]).all()


@some
@given(any_seed)
def test_nothing_opens_in_an_account_that_is_halted_or_only_reduces(seed: int):
    run = Run(any_stream(seed))
    for row in range(len(run.stream.events)):
        work = run.step(row)
        # A loss latches before the signals of its event, and only a later event unlatches.
        if run.stage.account["state"] > 0:
            assert not made(work.orders)["opening"].any()


@some
@given(any_seed)
def test_no_more_books_are_open_than_the_limit_allows(seed: int):
    run = Run(any_stream(seed))
    most = run.stream.terms.risk.positions_max or len(run.stage.books[0]) * len(run.stage.books)
    for row in range(len(run.stream.events)):
        run.step(row)
        assert run.stage.account["positions"] <= most


@some
@given(any_seed)
def test_what_reduces_a_position_is_never_refused(seed: int):
    run = Run(any_stream(seed))
    for row in range(len(run.stream.events)):
        decisions = run.step(row).decisions
        exits = decisions[decisions["guard"] != NO_GUARD]
        assert (exits["granted"] == exits["asked"]).all()
        refused = decisions[
            (decisions["verdict"] == REFUSED) & ~np.isin(decisions["code"], (risk.EXITING, risk.NO_PRICE))
        ]
        for said in refused if len(decisions) == 1 else []:
            book = run.stage.books[said["strategy"], said["instrument"]]
            leaving = -said["side"] * book["quantity"]
            assert leaving <= 0 or leaving <= abs(book["working"])


@some
@given(any_seed)
def test_the_account_counts_its_verdicts(seed: int):
    stage, work = whole(any_stream(seed))
    verdicts, account = work.decisions["verdict"], stage.account
    assert account["refused"] == (verdicts == REFUSED).sum()
    assert account["approved"] == (verdicts != REFUSED).sum() == account["orders_made"]
    assert account["clipped"] == (verdicts == CLIPPED).sum()
    assert account["signals"] == len(any_stream(seed).signals)
    assert set(work.decisions["side"].tolist()) <= {BUY, SELL}
