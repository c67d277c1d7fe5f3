"""One message of each kind, no two figures in it alike."""

import datetime
import itertools
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from alpha_panda.live import messages
from alpha_panda.live.messages import Charges, Decision, Fill, OrderUpdate, Payload, PnlSnapshot

RELIANCE = 738561
INFY = 408065

DECISION = Decision(
    time_ns=1_763_700_300_000_000_000,
    strategy="momentum",
    instrument_token=RELIANCE,
    verdict="clipped",
    code="order_value",
    side="BUY",
    asked=100,
    granted=60,
    price_e4=25_169_800,
    figure=251_698.0,
    limit=200_000.0,
    target=0.5,
    order_id=7,
    guard="none",
)
ORDER = OrderUpdate(
    order_id=7,
    time_ns=1_763_700_300_000_000_000,
    updated_ns=1_763_700_300_000_000_001,
    active_ns=1_763_700_300_250_000_000,
    expires_ns=1_763_719_200_000_000_000,
    strategy="momentum",
    instrument_token=RELIANCE,
    side="BUY",
    order_type="LIMIT",
    validity="DAY",
    quantity=60,
    filled=0,
    filled_value_e4=0,
    limit_e4=25_169_300,
    trigger_e4=0,
    brokerage_e4=0,
    status="working",
    opening=True,
    guard="none",
)
FILL = Fill(
    time_ns=1_763_700_301_000_000_000,
    order_id=7,
    strategy="momentum",
    instrument_token=RELIANCE,
    side="BUY",
    quantity=60,
    price_e4=25_169_300,
    charges=Charges(1, 2, 3, 4, 5, 6, 7, 28),
    realised_e4=0,
    position=60,
    guard="none",
)
SNAPSHOT = PnlSnapshot(
    time_ns=1_763_700_360_000_000_000,
    cash_e4=8_489_842_000_000,
    equity_e4=9_999_999_990_000,
    realised_e4=-120_000,
    unrealised_e4=340_000,
    charges_e4=28,
    gross_e4=1_510_158_000_000,
    state="running",
)
PAYLOADS: list[Payload] = [
    messages.Ticks(2, bytes(range(160)), 7),
    messages.Signal("momentum", RELIANCE, 0.5, 0.0123, messages.Cause(0, 41, 3)),
    messages.Progress(0, 41, 2),
    DECISION,
    ORDER,
    FILL,
    SNAPSHOT,
    messages.Control("halt", "momentum", "anand"),
    messages.Session(
        1,
        "{}",
        (
            messages.Listing("NSE:RELIANCE", RELIANCE, 500, 0, 1, 9_000, "NSE_EQ", "Reliance"),
            messages.Listing("NSE:INFY", INFY, 1_000, 0, 2, 8_000, "NSE_EQ", "Infosys"),
            messages.Listing(
                *("NFO:NIFTY26DEC25000CE", 12, 500, 2, 65, 1_800, "NFO", "NIFTY"),
                *("NIFTY", "CE", datetime.date(2026, 12, 29), 250_000_000),
            ),
        ),
        "a day",
        "events",
        "code",
    ),
    messages.JournalEntry((messages.Span("market.ticks", 0, 41, 42), messages.Span("control", 0, 3, 5)), "a", "b"),
    messages.StateSnapshot("code", "digest", (messages.Place("market.ticks", 0, 42),), {"books": b"\x00\xff"}),
    messages.DeadLetter(messages.Place("control", 0, 4), b"paper", b"\xc1", 3, "is not a message"),
    messages.Gap(RELIANCE, 1_700_000_000_000_000_000, 1_700_000_004_000_000_000),
    messages.Takeover("process 7 on panda"),
    messages.StageReport(
        "signals", (0, 2), "process 7 on panda", "running", 5, (messages.Place("t", 0, 9, 8, 1),), {"a": 1.0}
    ),
]


def numbered(dtype: np.dtype[np.void], count: int, **fields: Any) -> npt.NDArray[Any]:
    """Return records in which every figure is a number of its own, except the `fields` given."""
    numbers = itertools.count(1000)
    array = np.zeros(count, dtype)
    for row in array:
        for name in dtype.names or ():
            inner = dtype[name].names
            row[name] = tuple(next(numbers) for _ in inner) if inner else next(numbers)
    for name, value in fields.items():
        array[name] = value
    return array


def changed(payload: Any, **fields: Any) -> Any:
    """Return `payload` with some of its fields different."""
    return msgspec.structs.replace(payload, **fields)
