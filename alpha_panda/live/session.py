"""What a session is made of: one profile, one universe, one feed; recorded first, and unchanged until its end."""

import dataclasses
import functools
import hashlib
import json
import pathlib
import re
import typing
from collections.abc import Sequence
from typing import Any

import msgspec
from pydantic import BaseModel

from alpha_panda.chain import AccountStage, SignalStage, build_terms, load_strategies
from alpha_panda.config import Profile
from alpha_panda.errors import ConfigurationError, RecoveryError
from alpha_panda.instruments import Instrument, Universe
from alpha_panda.kernels.jit import kernels_digest, sources_digest
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Listing, Payload, Session
from alpha_panda.live.payloads import Names
from alpha_panda.live.routing import new_record
from alpha_panda.live.topics import SESSIONS, BrokerTopics, Topic, market_ticks
from alpha_panda.strategy import Strategy

_SOURCE = "session"
_NAME = re.compile(r"strategies\[\d+\]\.name")


@dataclasses.dataclass(frozen=True)
class Blueprint:
    """Everything that decides what a session does with its events; it makes the stages that do it.

    Raises ConfigurationError for a strategy that ranks instruments, where they are in several partitions.
    """

    profile: Profile
    universe: Universe
    strategies: tuple[Strategy, ...]
    feed: str
    feed_digest: str
    partitions: int = 1
    told: tuple[str, ...] = ()  # the strategies whose terms the database has, and no profile's file

    def __post_init__(self) -> None:
        ranking = [
            terms.name
            for terms, strategy in zip(self.profile.strategies, self.strategies, strict=True)
            if strategy.step_all is not None
        ]
        if ranking and self.partitions > 1:
            raise ConfigurationError(
                f"{ranking[0]} ranks all instruments, and {self.partitions} partitions keep them from each other: set "
                "log.partitions = 1"
            )

    @property
    def broker(self) -> str:
        """The broker whose account trades."""
        return self.profile.account.broker

    @functools.cached_property
    def topics(self) -> BrokerTopics:
        """The topics of that account."""
        return BrokerTopics.of(self.broker, self.partitions)

    @functools.cached_property
    def ticks(self) -> Topic:
        """The topic of its market events."""
        return market_ticks(self.partitions)

    @functools.cached_property
    def names(self) -> Names:
        """What the indices in records stand for."""
        return Names([terms.name for terms in self.profile.strategies], self.universe.tokens.tolist())

    @functools.cached_property
    def origin(self) -> str:
        """What the ids of all messages go back to: the same profile, instruments and feed give the same ids."""
        parts = (profile_text(self.profile), self.universe.digest(), self.feed, self.feed_digest)
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()

    @functools.cached_property
    def code_digest(self) -> str:
        """A digest of what gives the stages' bytes their meaning: kernels, strategies, and what kernels are told."""
        digest = hashlib.blake2b(kernels_digest().encode(), digest_size=16)
        for strategy in self.strategies:
            digest.update(sources_digest({"step": strategy.step or strategy.step_all}).encode())
            digest.update(str(strategy.state).encode())
        for array in build_terms(self.profile, self.universe):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def signal_stage(self) -> SignalStage:
        """Return the strategies as they are before the first event."""
        return SignalStage(self.profile, self.universe, self.strategies)

    def account_stage(self) -> AccountStage:
        """Return the account as it is before the first event."""
        return AccountStage(self.profile, self.universe)

    def begin(self, data: Payload, *, source: str, index: int, time_ns: int) -> Envelope:
        """Return a message of this session's account that nothing on the log caused."""
        return Envelope.begin(data, origin=self.origin, source=source, index=index, time_ns=time_ns, broker=self.broker)

    def record(self, started_ns: int) -> Session:
        """Return the first record of a session that begins at `started_ns`."""
        listings = tuple(Listing(**dataclasses.asdict(instrument)) for instrument in self.universe)
        text = profile_text(self.profile)
        digests = (self.feed_digest, self.code_digest)
        return Session(started_ns, text, listings, self.feed, *digests, self.partitions, self.told)


def profile_text(profile: Profile) -> str:
    """Return a profile as JSON in the platform's own units, without feed and log: those may be told otherwise."""
    return json.dumps(profile.model_dump(mode="json", exclude={"feed", "log"}), sort_keys=True)


def blueprint_of(session: Session, folders: Sequence[pathlib.Path] = ()) -> Blueprint:
    """Return what a recorded session was made of, with the strategies as they are now; StrategyError if one is gone."""
    profile = profile_of(session)
    return Blueprint(
        profile,
        universe_of(session),
        tuple(load_strategies(profile, folders)),
        session.feed,
        session.feed_digest,
        session.partitions,
        session.told,
    )


def profile_of(session: Session) -> Profile:
    """Return the profile that a session was begun with, without its feed and log."""
    return _constructed(Profile, json.loads(session.profile))


def universe_of(session: Session) -> Universe:
    """Return the instruments of a recorded session, an older record's with what it left out."""
    return Universe(Instrument(**msgspec.structs.asdict(listing)) for listing in session.instruments)


def _constructed(kind: Any, value: Any) -> Any:
    """Return what was dumped as JSON, as it was.

    Validating it would read its amounts as rupees, where they are E4 already.
    """
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {name: _constructed(kind.model_fields[name].annotation, each) for name, each in value.items()}
        return kind.model_construct(**fields)
    if isinstance(value, list):
        return tuple(_constructed(typing.get_args(kind)[0], each) for each in typing.cast(list[Any], value))
    return value


async def read_session(log: Log) -> Session | None:
    """Return what the session in `log` was made of; None for a log in which none has begun."""
    records = await log.read(SESSIONS, 0, 0, 1)
    if not records:
        return None
    data = decode(records[0]).data
    if not isinstance(data, Session):
        raise RecoveryError("the log does not begin with what its session was made of: start in a new state directory")
    return data


def begun(session: Session | None, state: pathlib.Path) -> Session:
    """Return the session that was read from the log in `state`; RecoveryError where none was there."""
    if session is None:
        raise RecoveryError(f"no session has begun in {state}: name the state directory of one that has")
    return session


async def open_session(log: Log, blueprint: Blueprint, started_ns: int) -> None:
    """Record what the session is made of, or check that the one in `log` is made of the same; RecoveryError if not."""
    recorded = await read_session(log)
    if recorded is None:
        first = blueprint.begin(blueprint.record(started_ns), source=_SOURCE, index=0, time_ns=started_ns)
        await log.append([new_record(SESSIONS, first)])
        return
    for what, before, now in _differences(recorded, blueprint.record(recorded.started_ns)):
        raise RecoveryError(
            f"the session in this state directory was begun with {what} {before}, not {now}: give it the same again, "
            "or start in another state directory"
        )


def check_profile(recorded: Session, profile: Profile) -> None:
    """Raise RecoveryError where a session was begun with another profile than `profile`.

    What names no instruments was given them where the feed is, and what the database told a strategy is no profile's.
    """
    before, now = flat(json.loads(recorded.profile)), flat(json.loads(profile_text(profile)))
    named = {key: name for key, name in before.items() if _NAME.fullmatch(key)}
    told = tuple(key.removesuffix("name") for key, name in named.items() if name in recorded.told)
    for key in sorted(before.keys() | now.keys()):
        elsewhere = ".instruments" in key or (key.startswith(told) and key not in named)
        if before.get(key) != now.get(key) and not elsewhere:
            raise RecoveryError(
                f"the session was begun with {key} = {before.get(key, 'unset')}, not {now.get(key, 'unset')}: give "
                "every stage the same profile"
            )


def _differences(recorded: Session, wanted: Session) -> Sequence[tuple[str, str, str]]:
    """Return what two sessions are made of differently: what it is, as it was, as it is now."""
    found: list[tuple[str, str, str]] = []
    before, now = flat(json.loads(recorded.profile)), flat(json.loads(wanted.profile))
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            found.append((f"{key} =", str(before.get(key, "unset")), str(now.get(key, "unset"))))
    if recorded.feed != wanted.feed:
        found.append(("the feed", recorded.feed, wanted.feed))
    if universe_of(recorded) != universe_of(wanted):
        symbols = [", ".join(listing.symbol for listing in session.instruments) for session in (recorded, wanted)]
        same = symbols[0] == symbols[1]
        found.append(
            ("other terms of" if same else "the instruments", symbols[0], "as they are now" if same else symbols[1])
        )
    if recorded.feed_digest != wanted.feed_digest:
        found.append(("other events of", recorded.feed, "those there are now"))
    if recorded.partitions != wanted.partitions:
        found.append(("log.partitions =", str(recorded.partitions), str(wanted.partitions)))
    return found


def flat(value: Any, place: str = "") -> dict[str, Any]:
    """Return nested tables as one, each value under its path."""
    if isinstance(value, dict):
        items = [
            (f"{place}.{key}" if place else str(key), each) for key, each in typing.cast(dict[str, Any], value).items()
        ]
    elif isinstance(value, list):
        items = [(f"{place}[{index}]", each) for index, each in enumerate(typing.cast(list[Any], value))]
    else:
        return {place: value}
    return {key: each for path, item in items for key, each in flat(item, path).items()}
