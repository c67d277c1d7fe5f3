"""Profiles and studies: what a run is told, parsed once from TOML into frozen, checked values.

One profile drives the backtest, the sweep and live alike. Secrets never stand here; they come from the environment.
"""

import pathlib
import tomllib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from alpha_panda.errors import ConfigurationError, DataError, MoneyOverflowError
from alpha_panda.strategy import did_you_mean
from alpha_panda.units import DAY_NS, SECOND_NS, parse_clock, parse_interval, to_e4

_SECONDS_MAX = 365 * 86_400


def _as_e4(value: Any) -> Any:
    return to_e4(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else value


def _as_clock_ns(value: Any) -> int:
    if not isinstance(value, str):
        raise DataError("a time of day is text such as '15:10'")
    return parse_clock(value)


def _as_interval_ns(value: Any) -> int:
    if not isinstance(value, str):
        raise DataError("a bar interval is text such as '1m'")
    return parse_interval(value)


def _as_seconds_ns(value: Any) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and 0 <= value <= _SECONDS_MAX):
        raise DataError("seconds are a number, at least 0 and at most a year")
    return round(value * SECOND_NS)


def _pydantic_sees(parse: Any) -> Any:
    """Turn the DataError of a parser into what pydantic reports with the key's place."""

    def parsed(value: Any) -> Any:
        try:
            return parse(value)
        except (DataError, MoneyOverflowError) as error:
            raise AssertionError(str(error)) from None

    return parsed


RupeesE4 = Annotated[int, BeforeValidator(_pydantic_sees(_as_e4))]
ClockNs = Annotated[int, BeforeValidator(_pydantic_sees(_as_clock_ns))]
IntervalNs = Annotated[int, BeforeValidator(_pydantic_sees(_as_interval_ns))]
SecondsNs = Annotated[int, BeforeValidator(_pydantic_sees(_as_seconds_ns))]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0, le=10**9)]


Model = TypeVar("Model", bound=BaseModel)


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Size(_Frozen):
    """How a target becomes a quantity: units, rupees, a fraction of the strategy's capital, or a yearly volatility.

    With `compounding` the capital grows and shrinks with the account's equity; with `rebalance` a target said again is
    sized anew at its price, instead of leaving the position as it is.
    """

    mode: Literal["units", "notional", "fraction", "volatility"] = "fraction"
    value: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)
    compounding: bool = False
    rebalance: bool = False

    @model_validator(mode="after")
    def _fraction_within_capital(self) -> Self:
        assert self.mode != "fraction" or self.value <= 1.0, "a size fraction above 1 would exceed the capital"
        return self


class Guards(_Frozen):
    """What protects a position; fractions of the entry price, 0 is off."""

    stop_loss: Fraction = 0.0
    take_profit: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    trailing_stop: Fraction = 0.0
    holding_ns_max: SecondsNs = Field(default=0, alias="holding_seconds")
    square_off_ns: ClockNs = Field(default=parse_clock("15:10"), alias="square_off")


class Entry(_Frozen):
    """What kind of order opens a position; exits always leave at the market."""

    order_type: Literal["MARKET", "LIMIT", "SL", "SL-M"] = "MARKET"
    validity: Literal["DAY", "IOC"] = "DAY"
    offset_ticks: Count = 0


class StrategyTerms(_Frozen):
    """One strategy in a profile: what it is, what it trades and on which terms."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    strategy: str
    instruments: tuple[str, ...] = ()
    interval_ns: IntervalNs = Field(default=parse_interval("1m"), alias="interval")
    capital_e4: RupeesE4 = Field(alias="capital", gt=0)
    product: Literal["MIS", "CNC", "NRML"] = "MIS"
    parameters: Mapping[str, int | float] = Field(default_factory=dict)
    size: Size = Size()
    guards: Guards = Guards()
    entry: Entry = Entry()


class Slippage(_Frozen):
    """How market and stop orders slip against us: `value` is ticks or basis points."""

    mode: Literal["ticks", "basis_points", "half_spread"] = "half_spread"
    value: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)


class Market(_Frozen):
    """How the simulated market treats orders."""

    latency_ns: SecondsNs = Field(default=0, alias="latency_seconds")
    slippage: Slippage = Slippage()
    participation: Fraction = 0.0
    fees: Fraction | None = None  # a flat share of each fill's value, instead of what Zerodha and the state charge
    equity_every_ns: IntervalNs = Field(default=parse_interval("1m"), alias="equity_every")


class Risk(_Frozen):
    """The account's limits, strict by default; 0 switches one off."""

    collar: Fraction = 0.02
    price_age_ns_max: SecondsNs = Field(default=3 * SECOND_NS, alias="price_age_seconds")
    order_value_e4_max: RupeesE4 = Field(default=to_e4(200_000), alias="order_value", ge=0)
    order_equity_fraction_max: Fraction = Field(default=0.10, alias="order_equity_fraction")
    order_quantity_max: Count = Field(default=0, alias="order_quantity")
    instrument_fraction_max: float = Field(default=0.20, alias="instrument_fraction", ge=0.0, allow_inf_nan=False)
    gross_fraction_max: float = Field(default=1.0, alias="gross_fraction", ge=0.0, allow_inf_nan=False)
    positions_max: Count = Field(default=10, alias="positions")
    open_orders_max: Count = Field(default=40, alias="open_orders")
    orders_per_second: int = Field(default=5, ge=0, le=256)
    orders_per_second_strategy: int = Field(default=3, ge=0, le=8)
    orders_per_minute: int = Field(default=200, ge=0, le=256)
    orders_per_day: Count = 1_000
    duplicate_ns: SecondsNs = Field(default=2 * SECOND_NS, alias="duplicate_seconds")
    self_cross: bool = True
    entry_open_ns: ClockNs = Field(default=parse_clock("09:16"), alias="entry_open")
    entry_close_ns: ClockNs = Field(default=parse_clock("15:10"), alias="entry_close")
    after_market: bool = False
    day_loss_reduce: Fraction = 0.02
    day_loss_halt: Fraction = 0.03
    drawdown_halt: Fraction = 0.20
    rejects_max: Count = Field(default=3, alias="rejects")


_SWITCHED_OFF = (
    *("collar", "price_age_seconds", "order_value", "order_equity_fraction", "instrument_fraction", "gross_fraction"),
    *("positions", "open_orders", "orders_per_second", "orders_per_second_strategy", "orders_per_minute"),
    *("orders_per_day", "duplicate_seconds", "day_loss_reduce", "day_loss_halt", "drawdown_halt", "rejects"),
)
NO_LIMITS: Mapping[str, Any] = {
    **dict.fromkeys(_SWITCHED_OFF, 0),
    "self_cross": False,
    "entry_open": "00:00",
    "entry_close": "00:00",
    "after_market": True,
}
"""The table `[risk]` of a question: what a strategy does, and not what risk would leave of it."""


class Feed(_Frozen):
    """Where live events come from, unless the command line says otherwise, and when something is wrong with them.

    0 switches off: no tick is ever merged into another, which is right where nothing may be lost, and no gap is noted.
    """

    source: Literal["synthetic", "replay"] = "synthetic"
    seed: int = 1
    date: str = "2026-11-20"
    speed: float = Field(default=125.0, gt=0.0)
    conflate_after_ns: SecondsNs = Field(default=0, alias="conflate_after_seconds")
    gap_ns: SecondsNs = Field(default=5 * SECOND_NS, alias="gap_seconds")
    instrument_gap_ns: SecondsNs = Field(default=60 * SECOND_NS, alias="instrument_gap_seconds")


class Log(_Frozen):
    """Where the event log is kept: in the state folder, or in Kafka at this address; ALPHA_PANDA_KAFKA goes before."""

    kafka: str = ""
    partitions: int = Field(default=1, ge=1, le=64)  # of the ticks, over which signals processes share the work


class Account(_Frozen):
    """The broker account that trades."""

    broker: Literal["paper"] = "paper"
    capital_e4: RupeesE4 = Field(alias="capital", gt=0)


class Profile(_Frozen):
    """Everything that a backtest or a live session is told."""

    account: Account
    strategies: tuple[StrategyTerms, ...] = Field(min_length=1)
    market: Market = Market()
    risk: Risk = Risk()
    feed: Feed = Feed()
    log: Log = Log()

    @model_validator(mode="after")
    def _strategies_fit(self) -> Self:
        names = [terms.name for terms in self.strategies]
        assert len(set(names)) == len(names), "two strategies have the same name"
        asked_e4 = sum(terms.capital_e4 for terms in self.strategies)
        assert asked_e4 <= self.account.capital_e4, "the strategies are given more capital than the account has"
        for terms in self.strategies:
            overnight = terms.interval_ns == DAY_NS and terms.product == "MIS"
            assert not overnight, f"strategy {terms.name} trades daily bars as MIS, which may not stay overnight"
            twice = _repeated(terms.instruments)
            assert not twice, f"strategy {terms.name} names {twice} twice among its instruments"
        return self


class Span(_Frozen):
    """Which part of the catalog a study looks at; dates are IST, both included.

    With `adjusted`, prices and volumes are as they read on the last day, after splits, bonuses and the like.
    """

    data: str = "data"
    resolution: Literal["tick", "1m", "1d"] | None = None
    adjusted: bool = False
    first: str | None = Field(default=None, alias="from")
    last: str | None = Field(default=None, alias="to")


class Sweep(_Frozen):
    """A parameter grid over one strategy of the study, or a sample of it; `where` is SQL on parameters."""

    strategy: str | None = None
    parameters: Mapping[str, tuple[int | float, ...]]
    where: str | None = None
    sample: int | None = None
    seed: int = 0


class WalkForward(_Frozen):
    """How a sweep is walked forward: each window a number of trading days, or a calendar span as 2w, 6mo or 1y."""

    train: int | str
    test: int | str
    anchored: bool = False
    by: str = "sharpe"


class Study(_Frozen):
    """A question to the past: a profile, the data to ask it of, and perhaps a grid of parameters to walk forward."""

    profile: Profile
    study: Span = Span()
    sweep: Sweep | None = None
    walkforward: WalkForward | None = None


def load_profile(path: str | pathlib.Path) -> Profile:
    """Read a profile from TOML; raises ConfigurationError that names the file, the key and what to do."""
    return load_study(path).profile


def load_study(path: str | pathlib.Path) -> Study:
    """Read a study, or a profile as a study of everything in the catalog.

    A study may name its profile (`profile = "../live/paper.toml"`, relative to itself) or contain the profile's tables.
    """
    path = pathlib.Path(path)
    document = read_toml(path)
    span, grid, walk = document.pop("study", {}), document.pop("sweep", None), document.pop("walkforward", None)
    return Study(
        profile=validated(Profile, _with_base(document, path), str(path)),
        study=validated(Span, span, f"{path} [study]"),
        sweep=None if grid is None else validated(Sweep, grid, f"{path} [sweep]"),
        walkforward=None if walk is None else validated(WalkForward, walk, f"{path} [walkforward]"),
    )


def profile_tables(path: str | pathlib.Path) -> dict[str, Any]:
    """Return the tables of a profile, or of a study's, as TOML has them; they may not be a profile's yet."""
    path = pathlib.Path(path)
    asked = ("study", "sweep", "walkforward")
    return _with_base({key: value for key, value in read_toml(path).items() if key not in asked}, path)


def _with_base(document: dict[str, Any], path: pathlib.Path) -> dict[str, Any]:
    """Return a profile's tables with those of the profile that they name, if they do."""
    base = document.pop("profile", None)
    if base is None:
        return document
    if not isinstance(base, str):
        raise ConfigurationError(f"{path}: profile must be the path of a profile, written as text")
    return {**read_toml(path.parent / base), **document}


def with_instruments(profile: Profile, instruments: Sequence[str]) -> Profile:
    """Return the profile in which the strategies that name no instrument trade `instruments`.

    Raises ConfigurationError for one named twice, and where every strategy names its own, so that nobody would trade
    them.
    """
    if not instruments:
        return profile
    twice = _repeated(instruments)
    if twice:
        raise ConfigurationError(f"{twice} is named twice: name each instrument once")
    if all(terms.instruments for terms in profile.strategies):
        raise ConfigurationError(
            f"every strategy names its own instruments, so none is left to trade {', '.join(instruments)}: "
            "leave out the instruments here or there"
        )
    strategies = tuple(
        terms if terms.instruments else terms.model_copy(update={"instruments": tuple(instruments)})
        for terms in profile.strategies
    )
    return profile.model_copy(update={"strategies": strategies})


def _repeated(symbols: Sequence[str]) -> str:
    """Return the first symbol that is named a second time, or nothing."""
    return next((symbol for place, symbol in enumerate(symbols) if symbol in symbols[:place]), "")


def read_toml(path: pathlib.Path) -> dict[str, Any]:
    """Return what a file of TOML says; ConfigurationError where it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"there is no file {path}") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} cannot be read: it is no text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from None


def validated(model: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """Return `values` as a model, or raise ConfigurationError with the first problem in one sentence."""
    try:
        return model.model_validate(_tuples(values))
    except RecursionError:
        raise ConfigurationError(f"{where}: there are tables in tables in tables without end") from None
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {_sentence(model, error)}") from None


def _tuples(value: Any) -> Any:
    """TOML arrays are lists; the frozen models hold tuples."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in cast(dict[str, Any], value).items()}
    return tuple(_tuples(item) for item in cast(list[Any], value)) if isinstance(value, list) else value


def _sentence(model: type[BaseModel], error: ValidationError) -> str:
    # A misspelt key also leaves its true name missing: the misspelling is what its owner wants to read.
    problem = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _known_keys(model, problem["loc"][:-1])
        return f"unknown key {place}{did_you_mean(str(problem['loc'][-1]), known)}; known here: {', '.join(known)}"
    if problem["type"] == "missing":
        return f"{place} is missing"
    message = problem["msg"].removeprefix("Assertion failed, ")
    return f"{place}: {message}, got {problem['input']!r}" if place else message


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that may stand at a place in a model's TOML."""
    for part in location:
        if isinstance(part, int):
            continue
        field = next(field for name, field in model.model_fields.items() if part in (name, field.alias))
        inner = [*getattr(field.annotation, "__args__", ()), field.annotation]
        model = next(kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel))
    return [field.alias or name for name, field in model.model_fields.items()]
