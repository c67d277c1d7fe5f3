"""The chain as its drivers hold it: the arrays built from a profile, and the two stages that pass events through them.

`SignalStage` runs the strategies, `AccountStage` the account. The backtest calls one after the other on blocks of a
long array, live calls them on whatever has arrived; neither knows more about the kernels than this.
"""

import dataclasses
import datetime
import hashlib
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel

from alpha_panda.config import Profile, StrategyTerms
from alpha_panda.errors import ConfigurationError, KernelError, MoneyOverflowError, RecoveryError, StrategyError
from alpha_panda.instruments import Universe
from alpha_panda.kernels import records
from alpha_panda.kernels.bundles import Outputs, Stage, State, Terms
from alpha_panda.kernels.clock import NEVER_NS
from alpha_panda.kernels.commands import COMMANDS, command_block
from alpha_panda.kernels.orders import EVERY
from alpha_panda.kernels.rates import flat_rates, rates
from alpha_panda.kernels.records import Records
from alpha_panda.kernels.replay import account_block, outputs_needed, strategy_block
from alpha_panda.strategy import Strategy, Value, load_strategy, misbehaviour
from alpha_panda.units import DAY_NS, MINUTE_NS, SECOND_NS, to_rupees

_FIRST_SESSION = datetime.date(2000, 1, 1)
_LAST_SESSION = datetime.date(2039, 12, 31)
_SESSION_NS = 375 * MINUTE_NS
_SESSIONS_A_YEAR = 250
_OUTPUT_ROWS = 8_192


# ── Terms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def build_terms(profile: Profile, universe: Universe) -> Terms:
    """Return what the kernels are told of a profile.

    The session table always spans the same years, whatever the run, so that no state depends on where a run begins or
    ends.
    """
    instruments, sessions = universe.records(_FIRST_SESSION, _LAST_SESSION)
    return Terms(
        instruments=instruments,
        sessions=sessions,
        mandates=_mandates(profile),
        execution=_execution(profile),
        limits=_limits(profile),
        rates=rates() if profile.market.fees is None else flat_rates(profile.market.fees),
    )


_PRODUCTS = {"MIS": records.MIS, "CNC": records.CNC, "NRML": records.NRML}
_SIZES = {
    "units": records.SIZE_UNITS,
    "notional": records.SIZE_NOTIONAL,
    "fraction": records.SIZE_FRACTION,
    "volatility": records.SIZE_VOLATILITY,
}
_ORDER_TYPES = {"MARKET": records.MARKET, "LIMIT": records.LIMIT, "SL": records.SL, "SL-M": records.SL_M}
_VALIDITIES = {"DAY": records.DAY, "IOC": records.IOC}
_SLIPPAGES = {
    "ticks": records.SLIPPAGE_TICKS,
    "basis_points": records.SLIPPAGE_BASIS_POINTS,
    "half_spread": records.SLIPPAGE_HALF_SPREAD,
}


def _mandates(profile: Profile) -> Records:
    mandates = np.zeros(len(profile.strategies), records.MANDATE)
    for mandate, terms in zip(mandates, profile.strategies, strict=True):
        mandate["capital_e4"] = terms.capital_e4
        mandate["product"] = _PRODUCTS[terms.product]
        mandate["size_mode"] = _SIZES[terms.size.mode]
        mandate["size_value"] = terms.size.value * (10_000 if terms.size.mode == "notional" else 1)
        mandate["compounds"] = terms.size.compounding
        mandate["rebalances"] = terms.size.rebalance
        mandate["bars_per_year"] = _SESSIONS_A_YEAR * max(_SESSION_NS / terms.interval_ns, 1.0)
        mandate["order_type"] = _ORDER_TYPES[terms.entry.order_type]
        mandate["validity"] = _VALIDITIES[terms.entry.validity]
        mandate["offset_ticks"] = terms.entry.offset_ticks
        _copy_fields(mandate, terms.guards)
    return mandates


def _execution(profile: Profile) -> Records:
    execution = np.zeros(1, records.EXECUTION)
    market = profile.market
    execution["latency_ns"] = market.latency_ns
    execution["slippage_mode"] = _SLIPPAGES[market.slippage.mode]
    execution["slippage"] = market.slippage.value
    execution["participation"] = market.participation
    execution["snapshot_ns"] = market.equity_every_ns
    return execution


def _limits(profile: Profile) -> Records:
    limits = np.zeros(1, records.LIMITS)
    _copy_fields(limits[0], profile.risk)
    return limits


def _copy_fields(row: Any, model: BaseModel) -> None:
    """Fill the fields of a record from the attributes of a model that have the same names."""
    for name, value in model:
        row[name] = value


def load_strategies(profile: Profile, folders: Sequence[pathlib.Path] = ()) -> list[Strategy]:
    """Load the strategies that a profile names, each file once, and check the parameters given to them."""
    loaded = {terms.strategy: load_strategy(terms.strategy, folders) for terms in profile.strategies}
    for terms in profile.strategies:
        loaded[terms.strategy].parameter_record(terms.parameters)
    return [loaded[terms.strategy] for terms in profile.strategies]


# ── The signal stage ─────────────────────────────────────────────────────────────────────────────────────────────────


def build_stage(
    terms: StrategyTerms, strategy: Strategy, universe: Universe, parameters: Sequence[Mapping[str, Value]]
) -> Stage:
    """Return the memory of one strategy over its instruments, one row per parameter set."""
    symbols = terms.instruments or tuple(instrument.symbol for instrument in universe)
    instrument_of = np.array(sorted(universe.index_of(symbol) for symbol in symbols), np.int64)
    slot_of = np.full(len(universe), -1, np.int64)
    slot_of[instrument_of] = np.arange(len(instrument_of))
    shape = (len(parameters), len(instrument_of))
    stages = np.zeros(len(parameters), records.STAGE)
    stages["interval_ns"] = terms.interval_ns
    stages["close_next_ns"] = NEVER_NS
    stages["estimate_volatility"] = terms.size.mode == "volatility"
    stages["repeats"] = terms.size.rebalance
    ranks = strategy.step_all is not None
    return Stage(
        stages=stages,
        slots=np.zeros(shape, records.SLOT),
        building=np.zeros(shape, records.EVENT),
        closed=np.zeros(shape if ranks else (len(parameters), 0), records.EVENT),
        states=np.zeros(shape, strategy.state),
        params=np.concatenate([strategy.parameter_record({**terms.parameters, **values}) for values in parameters]),
        targets=np.zeros(len(instrument_of)),
        slot_of=slot_of,
        instrument_of=instrument_of,
    )


def signals_needed(stage: Stage, events: Records, ranks: bool) -> int:
    """Return how many signals a block can cause at most: one per bar that closes, or per instrument at each ranking."""
    slots = stage.slots.shape[1]
    if ranks:
        return slots * (int(np.count_nonzero(events["kind"] == records.CLOCK)) + 1)
    return slots + 2 * len(events)


class SignalStage:
    """The strategies of a profile over one universe."""

    def __init__(self, profile: Profile, universe: Universe, strategies: Sequence[Strategy]) -> None:
        self._terms = build_terms(profile, universe)
        self._strategies = tuple(strategies)
        self._names = tuple(terms.name for terms in profile.strategies)
        self._stages = [
            build_stage(terms, strategy, universe, [{}])
            for terms, strategy in zip(profile.strategies, strategies, strict=True)
        ]
        self._blocks = [strategy_block(strategy.step, strategy.step_all) for strategy in strategies]

    def advance(self, events: Records, start: int = 0, stop: int | None = None) -> Records:
        """Pass events [start, stop) through every strategy; return their signals in the order of their causes."""
        stop = len(events) if stop is None else stop
        written = [self._advance_one(index, events, start, stop) for index in range(len(self._stages))]
        signals = written[0] if len(written) == 1 else np.concatenate(written)
        if len(written) > 1:
            signals = signals[np.argsort(signals["event_index"], kind="stable")]
        return signals

    def _advance_one(self, index: int, events: Records, start: int, stop: int) -> Records:
        stage, strategy = self._stages[index], self._strategies[index]
        signals = np.empty(signals_needed(stage, events[start:stop], strategy.step_all is not None), records.SIGNAL)
        try:
            count = self._blocks[index](self._terms, stage, 0, index, events, start, stop, signals)
        except Exception as error:
            raise misbehaviour(self._names[index], error) from error
        raise_stage_fault(stage.stages[0]["fault"], self._names[index])
        return signals[:count]

    def arrays(self) -> dict[str, Records]:
        """Return every array that changes, by name: their bytes are the stage's snapshot."""
        named: dict[str, Records] = {}
        for name, stage in zip(self._names, self._stages, strict=True):
            for field in ("stages", "slots", "building", "closed", "states"):
                named[f"{name}.{field}"] = getattr(stage, field)
        return named


def raise_stage_fault(fault: int, name: str) -> None:
    """Raise what a strategy stage's fault means; nothing when there is none."""
    if fault == records.FAULT_BAD_TARGET:
        raise StrategyError(f"strategy {name} returned a target outside [-1, 1]; return NaN to keep the last target")
    if fault != records.FAULT_NONE:
        raise KernelError(f"strategy {name} wrote more signals than its block can cause: fault {fault}")


# ── The account stage ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclasses.dataclass(frozen=True)
class Work:
    """What the account did in one advance, in the order in which it did it."""

    decisions: Records
    orders: Records
    fills: Records
    snapshots: Records


def build_state(profile: Profile, instruments: int, accounts: int = 1) -> State:
    """Return the memory of fresh accounts with the profile's capital."""
    strategies, books = len(profile.strategies), len(profile.strategies) * instruments
    state = State(
        accounts=np.zeros(accounts, records.ACCOUNT),
        quotes=np.zeros((accounts, instruments), records.QUOTE),
        books=np.zeros((accounts, strategies, instruments), records.BOOK),
        sleeves=np.zeros((accounts, strategies), records.SLEEVE),
        # Room for every opening order the limits allow, an exit for every book, and the row where orders are drafted.
        orders=np.zeros((accounts, (profile.risk.open_orders_max or 2 * books) + books + 1), records.ORDER),
    )
    for field in ("initial_e4", "cash_e4", "equity_e4", "drawdown_base_e4", "peak_e4", "trough_e4"):
        state.accounts[field] = profile.account.capital_e4
    state.books["exit_by_ns"] = NEVER_NS
    return state


def build_outputs(rows: int) -> Outputs:
    """Return outputs that hold `rows` of each kind; with none, the account keeps its figures and says nothing."""
    return Outputs(
        decisions=np.zeros(rows, records.DECISION),
        orders=np.zeros(rows, records.ORDER),
        fills=np.zeros(rows, records.FILL),
        snapshots=np.zeros(rows, records.SNAPSHOT),
        counts=np.zeros(4, np.int64),
    )


class AccountStage:
    """One account over one universe."""

    def __init__(self, profile: Profile, universe: Universe) -> None:
        self._terms = build_terms(profile, universe)
        self._state = build_state(profile, len(universe))
        needed = outputs_needed(self._state.books.size, self._state.orders.shape[1])
        self._outputs = build_outputs(needed + _OUTPUT_ROWS)
        self.strategies = tuple(terms.name for terms in profile.strategies)

    @property
    def account(self) -> Any:
        """The account's record, live: read it, never write it."""
        return self._state.accounts[0]

    @property
    def books(self) -> Records:
        """The books, one row per strategy and one column per instrument."""
        return self._state.books[0]

    @property
    def quotes(self) -> Records:
        """What the account knows of each instrument."""
        return self._state.quotes[0]

    @property
    def orders(self) -> Records:
        """The orders at work, in the order in which they were made."""
        return self._state.orders[0, : self.account["orders_working"]]

    @property
    def sleeves(self) -> Records:
        """What the account keeps of each strategy."""
        return self._state.sleeves[0]

    def advance(self, events: Records, signals: Records, start: int = 0, stop: int | None = None) -> Work:
        """Pass events [start, stop) and the signals that they caused through the account."""
        stop = len(events) if stop is None else stop
        parts: list[Work] = []
        cursor = start
        while not parts or cursor < stop:
            first = int(np.searchsorted(signals["event_index"], cursor))
            last = int(np.searchsorted(signals["event_index"], stop))
            cursor = account_block(
                self._terms, self._state, self._outputs, 0, events, cursor, stop, signals, first, last
            )
            parts.append(self._drain())
            raise_account_fault(self.account["fault"])
        return joined(parts)

    def command(self, command: str, strategy: str, time_ns: int) -> Work:
        """Carry out what a person commands between two events; return what it did and how the account then stands.

        `command` is one of `COMMANDS` and `strategy` one of `strategies`, or empty for all. `time_ns` is that of the
        event before, never a clock's. A kill does not know strategies.
        """
        index = self.strategies.index(strategy) if strategy else EVERY
        command_block(self._terms, self._state, self._outputs, 0, COMMANDS[command], index, time_ns)
        work = self._drain()
        raise_account_fault(self.account["fault"])
        return work

    def _drain(self) -> Work:
        counts = self._outputs.counts
        work = Work(*(array[:count].copy() for array, count in zip(self._outputs[:4], counts, strict=True)))
        counts[:] = 0
        return work

    def arrays(self) -> dict[str, Records]:
        """Return every array that changes, by name: their bytes are the account's snapshot."""
        return dict(self._state._asdict())

    def summary(self) -> dict[str, int | float | str]:
        """Return the figures that a backtest and a live session report under the same names, money in rupees."""
        account = self.account
        counted = {name: int(account[name]) for name in ("events", "signals", "approved", "refused", "fills")}
        money_e4 = {name: account[f"{name}_e4"] for name in ("cash", "equity", "realised", "unrealised")}
        return {
            **counted,
            "orders": int(account["orders_made"]),
            "charges": to_rupees(account["charges"]["total_e4"]),
            **{name: to_rupees(amount_e4) for name, amount_e4 in money_e4.items()},
            "ledger_hash": self.ledger_hash(),
        }

    def ledger_hash(self) -> str:
        """Return a hash of the account, its books and the orders at work: equal hashes, equal ledgers to the byte."""
        digest = hashlib.sha256(self._state.accounts.tobytes())
        digest.update(self._state.books.tobytes())
        digest.update(self.orders.tobytes())
        return digest.hexdigest()


def raise_account_fault(fault: int) -> None:
    """Raise what an account's fault means; nothing when there is none."""
    if fault == records.FAULT_OVERFLOW:
        raise MoneyOverflowError("a price times a quantity left the range of exact arithmetic: check data and sizes")
    if fault != records.FAULT_NONE:
        raise KernelError(f"the account kernel stopped with fault {fault}")


def joined(parts: Sequence[Work]) -> Work:
    """Return the work of several advances as one; there must be at least one."""
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in dataclasses.fields(Work)]
    return Work(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def compile_kernels(profile: Profile, universe: Universe, strategies: Sequence[Strategy]) -> None:
    """Compile what a run needs, or load it from the cache: half a minute where the kernels are new, else no time."""
    nothing = np.zeros(0, records.EVENT)
    signals = SignalStage(profile, universe, strategies).advance(nothing)
    account = AccountStage(profile, universe)
    account.advance(nothing, signals)
    # Nobody who stops trading waits for a compiler.
    account.command("resume", "", 0)


# ── Snapshots ────────────────────────────────────────────────────────────────────────────────────────────────────────


def snapshot_bytes(arrays: Mapping[str, Records]) -> dict[str, bytes]:
    """Return the bytes of a stage's arrays."""
    return {name: array.tobytes() for name, array in arrays.items()}


def restore_bytes(arrays: Mapping[str, Records], snapshot: Mapping[str, bytes]) -> None:
    """Fill a stage's arrays from the bytes of a snapshot; RecoveryError when they are not of the same shape."""
    if set(arrays) != set(snapshot):
        raise RecoveryError("the snapshot was taken with other strategies: start with a new state directory")
    for name, array in arrays.items():
        if array.nbytes != len(snapshot[name]):
            raise RecoveryError(f"the snapshot of {name} has another shape: start with a new state directory")
        array[...] = np.frombuffer(snapshot[name], array.dtype).reshape(array.shape)


def check_intervals(profile: Profile, finest_ns: int) -> None:
    """Refuse a strategy whose bars the data's do not add up to, 0 for ticks; ConfigurationError names it."""
    for terms in profile.strategies:
        if terms.interval_ns < finest_ns:
            raise ConfigurationError(
                f"strategy {terms.name} wants bars of {terms.interval_ns // SECOND_NS} s, "
                f"finer than the data's {'1 day' if finest_ns == DAY_NS else f'{finest_ns // SECOND_NS} s'}"
            )
        if finest_ns > 0 and terms.interval_ns < DAY_NS and terms.interval_ns % finest_ns > 0:
            raise ConfigurationError(
                f"strategy {terms.name} wants bars of {terms.interval_ns // SECOND_NS} s, which the data's bars of "
                f"{finest_ns // SECOND_NS} s do not add up to"
            )
