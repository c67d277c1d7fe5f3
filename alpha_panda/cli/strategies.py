"""`alpha-panda strategies`: what the profile tells each strategy, and what operators have told it since."""

import asyncio
import pathlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from alpha_panda.chain import load_strategies
from alpha_panda.cli.assignments import terms_in, with_changes
from alpha_panda.cli.options import Json
from alpha_panda.cli.person import person_here
from alpha_panda.config import load_profile, profile_tables
from alpha_panda.database import database_url, is_there, open_database
from alpha_panda.errors import ConfigurationError
from alpha_panda.live.build import Options, new_surroundings
from alpha_panda.live.control.configured import Configured, configured, read_configured, with_terms
from alpha_panda.live.session import flat
from alpha_panda.strategy import did_you_mean
from alpha_panda.terminal import print_json, show, table
from alpha_panda.units import ist_datetime

if TYPE_CHECKING:
    from alpha_panda.database.repositories import Database
    from alpha_panda.database.strategies import StrategyVersion

Name = Annotated[str, Parameter(help="The strategy, as the profile calls it.")]
ProfileFile = Annotated[
    pathlib.Path,
    Parameter("--profile", help="The profile: which strategies there are, and what each is told at first."),
]
Reason = Annotated[str, Parameter(show_default=False, help="Why, for whoever reads the history.")]

_NEXT = "It takes effect with the next session; one that runs, or is resumed, keeps what it began with."


def list_strategies(*, profile: ProfileFile = Options.profile, json: Json = False) -> None:
    """List the strategies of a profile with what a session that begins now tells them, and whether they are enabled."""
    seed, found = _Seed(profile), configured(database_url())
    elsewhere = sorted(found.keys() - seed.own.keys())
    if json:
        told = [_plain(name, seed, found.get(name)) for name in seed.own]
        print_json({"profile": profile, "strategies": told, "elsewhere": elsewhere})
        return
    columns = ("strategy", "file", "bars", "capital>", "product", "told by", "by", "on")
    rows = [_row(name, seed, found.get(name)) for name in seed.own]
    show(table(f"The strategies of {profile}", columns, rows))
    if elsewhere:
        show(f"The database also knows {', '.join(elsewhere)}, which this profile does not trade.")


def show_strategy(name: Name, /, *, profile: ProfileFile = Options.profile, json: Json = False) -> None:
    """Show all that a session that begins now tells a strategy."""
    seed, each = _Seed(profile), configured(database_url()).get(name)
    seed.check_name(name)
    if json:
        print_json(_plain(name, seed, each))
        return
    rows = [(key, str(value)) for key, value in flat(_terms(name, seed, each)).items()]
    show(table(f"{name}, told by {_source(seed, each)}", ("key", "value"), rows))
    if each is not None and not each.newest.enabled:
        show(f"It is disabled: alpha-panda strategies enable {name} lets it trade.")


def set_strategy(
    name: Name,
    /,
    *changes: Annotated[str, Parameter(help="What to set: fast=10 size.value=0.5 interval=5m; `key=` is its default.")],
    source: Annotated[
        pathlib.Path | None, Parameter("--from", help="A file of TOML that says all of the strategy's terms.")
    ] = None,
    profile: ProfileFile = Options.profile,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Tell a strategy something else from the next session on; what was told before stays in its history."""
    seed = _Seed(profile)
    seed.check_name(name)
    if not changes and source is None:
        raise ConfigurationError("nothing is set: write what to change, as fast=10 or size.value=0.5, or --from FILE")

    async def change(database: "Database", found: Mapping[str, Configured]) -> "StrategyVersion":
        each = found.get(name)
        before = _terms(name, seed, each) if source is None else terms_in(source, name)
        told = with_changes(before, changes)
        others = {each: found[each].newest.terms for each in seed.own if each in found}
        seed.check({**others, name: told}, f"{profile} with what strategy {name} is to be told")
        # A change is one of what was read; a file says all there is.
        made_from = None if source is not None else each.newest.digest if each is not None else ""
        return await database.strategies.set(name, told, person_here(), reason, _now_ns(), made_from)

    before, after = asyncio.run(_changed("set", name, reason, change))
    differences = _differences(_terms(name, seed, before), after.terms)
    if json:
        print_json({**_plain(name, seed, Configured(after, ())), "changes": differences})
        return
    if before is not None and before.newest.version == after.version:
        show(f"Nothing changes: version {after.version} of {name} says so already.")
        return
    show(f"Version {after.version} of {name}: {', '.join(differences) or 'as it was'}.", _NEXT)
    if before is None:
        show(f"From now on the database says what {name} is told, and no longer {profile}.")


def enable_strategy(
    name: Name, /, *, profile: ProfileFile = Options.profile, reason: Reason = "", json: Json = False
) -> None:
    """Let a strategy trade again: at once in a session that runs, unless a person paused it as well."""
    _switch(name, True, profile, reason, json)


def disable_strategy(
    name: Name, /, *, profile: ProfileFile = Options.profile, reason: Reason = "", json: Json = False
) -> None:
    """Pause a strategy, within about a second in a session that runs, and in every one that begins."""
    _switch(name, False, profile, reason, json)


def strategy_history(name: Name, /, *, json: Json = False) -> None:
    """Show what a strategy was told over time, the newest first: by whom, and why."""
    history = asyncio.run(_history(name)) if is_there(database_url()) else ()
    if json:
        print_json({"strategy": name, "versions": [_version(each) for each in history]})
        return
    if not history:
        show(f"Nobody has told {name} anything: it does what its profile says.")
        return
    columns = ("version>", "on", "by", "is", "changes", "why")
    earlier = [*history[1:], None]
    rows = [
        (
            str(each.version),
            _day(each.created_ns),
            each.who,
            "enabled" if each.enabled else "disabled",
            ", ".join(_differences(before.terms, each.terms)) if before else "the first",
            each.reason,
        )
        for each, before in zip(history, earlier, strict=True)
    ]
    show(table(f"What {name} was told", columns, rows))


# ── What there is ────────────────────────────────────────────────────────────────────────────────────────────────────


class _Seed:
    """A profile: which strategies there are, and what it tells each of them."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.profile = load_profile(path)
        self._tables = profile_tables(path)
        self.own: Mapping[str, Mapping[str, Any]] = {each["name"]: each for each in self._tables["strategies"]}

    def check_name(self, name: str) -> None:
        """Refuse a strategy that the profile does not name: the profile alone says which there are."""
        if name not in self.own:
            known = did_you_mean(name, self.own)
            raise ConfigurationError(f"{self.path} has no strategy {name}{known}; it has {', '.join(self.own)}")

    def check(self, told: Mapping[str, Mapping[str, Any]], where: str) -> None:
        """Refuse terms that no session could begin with, as a session that begins would."""
        load_strategies(with_terms(self._tables, told, where), [self.path.parent.parent / "strategies"])


def _terms(name: str, seed: _Seed, each: Configured | None) -> Mapping[str, Any]:
    return seed.own[name] if each is None else each.newest.terms


def _source(seed: _Seed, each: Configured | None) -> str:
    return str(seed.path) if each is None else f"version {each.newest.version}"


async def _history(name: str) -> "Sequence[StrategyVersion]":
    async with open_database(database_url()) as database:
        return await database.strategies.history(name)


# ── Changes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

Change = Callable[["Database", Mapping[str, Configured]], "Awaitable[StrategyVersion]"]


def _switch(name: str, enabled: bool, profile: pathlib.Path, reason: str, json: bool) -> None:
    seed = _Seed(profile)
    seed.check_name(name)

    async def change(database: "Database", found: Mapping[str, Configured]) -> "StrategyVersion":
        who, now_ns = person_here(), _now_ns()
        if name not in found:
            await database.strategies.set(name, seed.own[name], who, f"as {profile} has it", now_ns, made_from="")
        switch = database.strategies.enable if enabled else database.strategies.disable
        return await switch(name, who, now_ns, reason)

    _, after = asyncio.run(_changed("enable" if enabled else "disable", name, reason, change))
    if json:
        print_json(_plain(name, seed, Configured(after, ())))
    else:
        effect = "trades again" if enabled else "is paused"
        show(f"{name} is {'enabled' if enabled else 'disabled'}, version {after.version}: where it runs, it {effect}.")


async def _changed(action: str, name: str, reason: str, change: Change) -> tuple[Configured | None, "StrategyVersion"]:
    """Make a change and write it into the audit trail; return how the strategy stood before, and stands after it."""
    async with open_database(database_url()) as database:
        found = await read_configured(database)
        after = await change(database, found)
        await database.audit.add(
            who=person_here(),
            action=f"strategy.{action}",
            target=name,
            detail=reason,
            outcome="done",
            correlation_id="",
            address="command line",
            now_ns=_now_ns(),
        )
        return found.get(name), after


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return in words what terms say otherwise than they did."""
    old, new = flat(dict(before)), flat(dict(after))
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return [f"{key} {old.get(key, 'unset')} → {new.get(key, 'unset')}" for key in keys]


def _now_ns() -> int:
    return new_surroundings().wall_ns()


# ── As tables and as JSON ────────────────────────────────────────────────────────────────────────────────────────────


def _row(name: str, seed: _Seed, each: Configured | None) -> Sequence[str]:
    terms = _terms(name, seed, each)
    told = _source(seed, each) if each is None or each.newest.enabled else f"{_source(seed, each)}, disabled"
    who, when = ("", "") if each is None else (each.newest.who, _day(each.newest.created_ns))
    interval, product = str(terms.get("interval", "1m")), str(terms.get("product", "MIS"))
    return (name, str(terms["strategy"]), interval, f"{terms['capital']:,}", product, told, who, when)


def _plain(name: str, seed: _Seed, each: Configured | None) -> dict[str, Any]:
    if each is None:
        return {"name": name, "source": "profile", "version": 0, "enabled": True, "terms": seed.own[name]}
    return {**_version(each.newest), "source": "database"}


def _version(version: "StrategyVersion") -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "digest": version.digest,
        "enabled": version.enabled,
        "terms": version.terms,
        "who": version.who,
        "reason": version.reason,
        "created": ist_datetime(version.created_ns).isoformat(),
    }


def _day(time_ns: int) -> str:
    return f"{ist_datetime(time_ns):%Y-%m-%d %H:%M}"
