"""Kernel records as message payloads: the arrays that the account writes, in the words of the log.

Fields are taken by name, never by position, so a record that is rearranged cannot put one figure in another's place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alpha_panda.errors import KernelError
from alpha_panda.kernels import records
from alpha_panda.kernels.records import Records
from alpha_panda.live.messages import (
    Cause,
    Charges,
    Decision,
    Fill,
    OrderUpdate,
    PnlSnapshot,
    Signal,
    Ticks,
)
from alpha_panda.words import WORDS

_MEANINGS: Mapping[str, Mapping[int, str | bool]] = {**WORDS, "opening": {0: False, 1: True}}


@dataclass(frozen=True, slots=True)
class Names:
    """What the indices in a session's records stand for."""

    strategies: Sequence[str]
    instrument_tokens: Sequence[int]


def events_of(ticks: Ticks) -> Records:
    """Return the market events of a frame, read-only and without a copy."""
    return np.frombuffer(ticks.frame, records.EVENT)


def signals_of(signals: Records, names: Names, partition: int, sequence: int) -> list[Signal]:
    """Return an array of `records.SIGNAL` as payloads, caused by events of this frame of the ticks."""
    return [
        Signal(
            strategy=row["strategy"],
            instrument_token=row["instrument_token"],
            target=row["target"],
            volatility=row["volatility"],
            cause=Cause(partition, sequence, row["event_index"]),
        )
        for row in _rows(signals, names)
    ]


def decisions_of(decisions: Records, names: Names) -> list[Decision]:
    """Return an array of `records.DECISION` as payloads; KernelError for a number that stands for nothing."""
    return [Decision(**row) for row in _rows(decisions, names)]


def orders_of(orders: Records, names: Names) -> list[OrderUpdate]:
    """Return an array of `records.ORDER` as payloads; KernelError for a number that stands for nothing."""
    return [OrderUpdate(**row) for row in _rows(orders, names)]


def fills_of(fills: Records, names: Names) -> list[Fill]:
    """Return an array of `records.FILL` as payloads; KernelError for a number that stands for nothing."""
    return [Fill(**row) for row in _rows(fills, names)]


def snapshots_of(snapshots: Records) -> list[PnlSnapshot]:
    """Return an array of `records.SNAPSHOT` as payloads; KernelError for a number that stands for nothing."""
    return [PnlSnapshot(**row) for row in _rows(snapshots, Names((), ()))]


def _rows(array: Records, names: Names) -> Iterator[dict[str, Any]]:
    """Yield each record as the fields of its payload."""
    fields = array.dtype.names or ()
    for values in array.tolist():
        yield dict(_field(field, value, names) for field, value in zip(fields, values, strict=True))


def _field(field: str, value: Any, names: Names) -> tuple[str, Any]:
    if field == "strategy":
        return "strategy", _named(field, names.strategies, value)
    if field == "instrument":
        return "instrument_token", _named(field, names.instrument_tokens, value)
    if field == "charges":
        return "charges", Charges(**dict(zip(records.CHARGES.names or (), value, strict=True)))
    if field in _MEANINGS:
        return field, _word(field, value)
    return field, value


def _named(what: str, known: Sequence[str | int], index: int) -> str | int:
    # A negative index would name the last one instead of failing.
    if not 0 <= index < len(known):
        raise KernelError(f"a record names {what} {index}, and the session has {len(known)}: it is not of this session")
    return known[index]


def _word(field: str, number: int) -> str | bool:
    if number not in _MEANINGS[field]:
        raise KernelError(f"a record has {field} {number}, and the log has words only for {sorted(_MEANINGS[field])}")
    return _MEANINGS[field][number]
