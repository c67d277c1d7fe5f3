"""The arrays of the chain, bundled as the block kernels take them.

Leading axes: `p` parameter sets or accounts side by side (one in replay and live, many in a sweep), `s` strategies,
`n` instruments of the run, `k` instruments of one strategy.
"""

from typing import Any, NamedTuple

from alpha_panda.kernels.jit import borrow, inlined
from alpha_panda.kernels.records import Records


class Terms(NamedTuple):
    """What a run is told and never changes."""

    instruments: Records  # INSTRUMENT (n,)
    sessions: Records  # SESSION
    mandates: Records  # MANDATE (s,)
    execution: Records  # EXECUTION (1,)
    limits: Records  # LIMITS (1,)
    rates: Records  # RATE, see charges.py


class State(NamedTuple):
    """Everything the accounts remember."""

    accounts: Records  # ACCOUNT (p,)
    quotes: Records  # QUOTE (p, n)
    books: Records  # BOOK (p, s, n)
    sleeves: Records  # SLEEVE (p, s)
    orders: Records  # ORDER (p, orders at once), the first `orders_working` in force, oldest first


class Outputs(NamedTuple):
    """Where the account writes what it did; arrays of length 0 record nothing."""

    decisions: Records  # DECISION
    orders: Records  # ORDER, one per change
    fills: Records  # FILL
    snapshots: Records  # SNAPSHOT
    counts: Records  # int64 (4,): how many of each are filled


class Stage(NamedTuple):
    """Everything one strategy remembers."""

    stages: Records  # STAGE (p,)
    slots: Records  # SLOT (p, k)
    building: Records  # EVENT (p, k), the bars being built
    closed: Records  # EVENT (p, k), the latest closed bars; only ranking strategies read them
    states: Records  # the strategy's own STATE (p, k)
    params: Records  # the strategy's own parameters (p,)
    targets: Records  # float64 (k,), scratch of ranking strategies
    slot_of: Records  # int64 (n,), the slot of an instrument, -1 where the strategy does not trade it
    instrument_of: Records  # int64 (k,)


@inlined
def borrow_terms(terms: Any) -> Terms:
    """Return the same terms without reference counts; see `jit.borrow`."""
    return Terms(
        borrow(terms.instruments),
        borrow(terms.sessions),
        borrow(terms.mandates),
        borrow(terms.execution),
        borrow(terms.limits),
        borrow(terms.rates),
    )


@inlined
def borrow_stage(stage: Any) -> Stage:
    """Return the same stage without reference counts; see `jit.borrow`."""
    return Stage(
        borrow(stage.stages),
        borrow(stage.slots),
        borrow(stage.building),
        borrow(stage.closed),
        borrow(stage.states),
        borrow(stage.params),
        borrow(stage.targets),
        borrow(stage.slot_of),
        borrow(stage.instrument_of),
    )


@inlined
def borrow_state(state: Any) -> State:
    """Return the same state without reference counts; see `jit.borrow`."""
    return State(
        borrow(state.accounts),
        borrow(state.quotes),
        borrow(state.books),
        borrow(state.sleeves),
        borrow(state.orders),
    )


@inlined
def borrow_outputs(outputs: Any) -> Outputs:
    """Return the same outputs without reference counts; see `jit.borrow`."""
    return Outputs(
        borrow(outputs.decisions),
        borrow(outputs.orders),
        borrow(outputs.fills),
        borrow(outputs.snapshots),
        borrow(outputs.counts),
    )
