"""An account's figures computed again, in whole numbers, from its fills and the prices of the market alone."""

import collections
import dataclasses
from collections.abc import Iterator, Sequence
from typing import TypeVar

from alpha_panda.chain import AccountStage, Work
from alpha_panda.kernels.records import CLOCK, Records
from alpha_panda.live.messages import FINISHED, Decision, Fill, OrderUpdate, Payload, PnlSnapshot
from alpha_panda.live.payloads import Names, decisions_of, fills_of, orders_of, snapshots_of
from alpha_panda.units import ist_date
from tests.streams import UNIVERSE, Stream

STRATEGIES = ("one", "two")
TOKENS: list[int] = UNIVERSE.tokens.tolist()
NAMES = Names(STRATEGIES, TOKENS)

Said = TypeVar("Said", bound=Payload)


@dataclasses.dataclass
class Course:
    """The way of an account through a stream: after each event, how much it had said by then."""

    stream: Stream
    stage: AccountStage
    payloads: list[Payload] = dataclasses.field(default_factory=list[Payload])
    counts: list[int] = dataclasses.field(default_factory=lambda: [0])

    @property
    def row(self) -> int:
        """How many events have passed."""
        return len(self.counts) - 1

    def step(self) -> None:
        """Pass the next event, with the signals that it caused, through the account."""
        self._say(self.stage.advance(self.stream.events, self.stream.signals, self.row, self.row + 1))
        self.counts.append(len(self.payloads))

    def command(self, command: str, strategy: str) -> None:
        """Command the account behind the last event."""
        time_ns = int(self.stream.events["time_ns"][max(self.row - 1, 0)])
        self._say(self.stage.command(command, strategy, time_ns))
        self.counts[-1] = len(self.payloads)

    def _say(self, work: Work) -> None:
        said: list[Decision | OrderUpdate | Fill | PnlSnapshot] = [
            *fills_of(work.fills, NAMES),
            *decisions_of(work.decisions, NAMES),
            *orders_of(work.orders, NAMES),
            *snapshots_of(work.snapshots),
        ]
        self.payloads += sorted(said, key=lambda each: getattr(each, "updated_ns", each.time_ns))

    def said(self, kind: type[Said], row: int) -> Iterator[Said]:
        """Yield what the account had said of one kind when so many events had passed."""
        return (each for each in self.payloads[: self.counts[row]] if isinstance(each, kind))

    def ledger(self, row: int) -> "Ledger":
        """Return the account's books when so many events had passed."""
        return Ledger(self.stream.events[:row], list(self.said(Fill, row)), list(self.said(OrderUpdate, row)))

    def day_began(self, row: int) -> int:
        """Return how many events had passed before the day of the last one of so many."""
        days = [ist_date(time_ns) for time_ns in self.stream.events["time_ns"][:row].tolist()]
        return days.index(days[-1]) if days else 0


@dataclasses.dataclass
class Book:
    """One strategy's position in one instrument."""

    quantity: int = 0
    cost_e4: int = 0
    realised_e4: int = 0
    charges_e4: int = 0
    fills: int = 0

    def take(self, fill: Fill) -> None:
        """Book a fill: what closes leaves at its share of the cost, toward zero; what opens enters at its price."""
        signed = fill.quantity if fill.side == "BUY" else -fill.quantity
        closing = min(abs(signed), abs(self.quantity)) if signed * self.quantity < 0 else 0
        share_e4 = abs(self.cost_e4) * closing // max(abs(self.quantity), 1)
        removed_e4 = share_e4 if self.cost_e4 >= 0 else -share_e4
        opening = (abs(signed) - closing) * (1 if signed > 0 else -1)
        self.realised_e4 += opening * fill.price_e4 - removed_e4 - signed * fill.price_e4
        self.cost_e4 += opening * fill.price_e4 - removed_e4
        self.quantity += signed
        self.charges_e4 += fill.charges.total_e4
        self.fills += 1


class Ledger:
    """Books, prices and orders at one moment."""

    def __init__(self, events: Records, fills: Sequence[Fill], orders: Sequence[OrderUpdate]) -> None:
        market = events[events["kind"] != CLOCK]
        tokens = [TOKENS[index] for index in market["instrument"].tolist()]
        self.last_e4 = dict(zip(tokens, market["close_e4"].tolist(), strict=True))
        self.last_ns = dict(zip(tokens, market["time_ns"].tolist(), strict=True))
        self.books: dict[tuple[str, int], Book] = collections.defaultdict(Book)
        for fill in fills:
            self.books[fill.strategy, fill.instrument_token].take(fill)
        latest = {order.order_id: order for order in orders}
        self.working = [order for order in latest.values() if order.status not in FINISHED]

    def unrealised_e4(self, key: tuple[str, int]) -> int:
        """Return what a book would realise at the last price."""
        book = self.books[key]
        return book.quantity * self.last_e4[key[1]] - book.cost_e4

    def sums_e4(self) -> tuple[int, int, int]:
        """Return what all books have realised, would realise, and have paid."""
        books = self.books
        return (
            sum(book.realised_e4 for book in books.values()),
            sum(self.unrealised_e4(key) for key in list(books)),
            sum(book.charges_e4 for book in books.values()),
        )

    def gain_e4(self) -> int:
        """Return what the account has gained since it began."""
        realised_e4, unrealised_e4, charges_e4 = self.sums_e4()
        return realised_e4 + unrealised_e4 - charges_e4

    def gross_e4(self) -> int:
        """Return the worth of each instrument's position of all strategies together, long and short alike."""
        held = collections.Counter[int]()
        for (_, token), book in self.books.items():
            held[token] += book.quantity
        return sum(abs(quantity) * self.last_e4[token] for token, quantity in held.items())

    def opening_e4(self) -> int:
        """Return the worth of what orders at work would open."""
        opening = (order for order in self.working if order.opening)
        return sum((order.quantity - order.filled) * self.last_e4[order.instrument_token] for order in opening)

    def open_books(self) -> set[tuple[str, int]]:
        """Return the books that hold something."""
        return {key for key, book in self.books.items() if book.quantity}

    def books_to_open(self) -> set[tuple[str, int]]:
        """Return the books that hold nothing and have an order at work."""
        return {(order.strategy, order.instrument_token) for order in self.working} - self.open_books()
