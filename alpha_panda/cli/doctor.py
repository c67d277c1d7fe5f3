"""`alpha-panda doctor`: whether everything here can run, and if not, what to do."""

import asyncio
import datetime
import functools
import importlib
import importlib.metadata
import os
import pathlib
import platform
import re
import tempfile
from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter

from alpha_panda.chain import AccountStage, SignalStage, load_strategies
from alpha_panda.cli.findings import Check, Finding, fine, report, warn
from alpha_panda.cli.options import Data, Json
from alpha_panda.cli.preflight import Preflight, room
from alpha_panda.cli.screen import SCREEN
from alpha_panda.config import Profile, load_study, validated
from alpha_panda.data.catalog import RESOLUTIONS, Catalog
from alpha_panda.data.synthetic import SYMBOLS, synthetic_bars
from alpha_panda.kernels.jit import cache_directory
from alpha_panda.live.build import REDIS_URL, Options, new_state, new_surroundings, open_store
from alpha_panda.strategy import load_strategy

_TRADING_DAY = datetime.date(2026, 11, 20)


def doctor(
    *,
    state: Annotated[
        pathlib.Path | None, Parameter(help="Also whether a session can start, or go on, in this directory.")
    ] = None,
    profile: Annotated[pathlib.Path | None, Parameter(help="Also whether this profile can be traded.")] = None,
    data: Data = pathlib.Path("data"),
    json: Json = False,
) -> int:
    """Check this machine and this folder; the exit code is 1 when something is broken.

    With --state or --profile it checks instead whether a session can start there, and changes nothing.
    """
    if state is None and profile is None:
        return report({**MACHINE, **WORKSPACE, "catalog": functools.partial(_catalog, data), **SCREEN}, json)
    clock = new_surroundings().wall_ns
    session = Preflight(state or new_state(), profile or Options.profile, clock).checks()
    return report({**MACHINE, **session, **SCREEN}, json)


# ── The machine ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _python() -> Finding:
    return fine(f"{platform.python_version()} on {platform.machine()}")


def _packages() -> Finding:
    """Import every package of the core; warn of one that is not of a locked version."""
    found = {name: importlib.metadata.version(name) for name in _core_packages()}
    for name in found:
        importlib.import_module(name.replace("-", "_"))
    lock = pathlib.Path("requirements.lock")
    text = "\n" + lock.read_text(encoding="utf-8") if lock.is_file() else ""
    strange = [f"{name} {version}" for name, version in found.items() if text and f"\n{name}=={version}" not in text]
    if strange:
        return warn(f"{', '.join(strange)} differ from requirements.lock: run `make setup`")
    return fine(", ".join(f"{name} {version}" for name, version in found.items()))


def _core_packages() -> Iterator[str]:
    for requirement in importlib.metadata.requires("alpha-panda") or ():
        if "extra ==" not in requirement:
            yield re.split(r"[^\w.-]", requirement)[0]


def _store() -> Finding:
    """Ask the Redis server that is configured, if any; the address shown is without its password."""
    url = os.environ.get(REDIS_URL)
    if not url:
        return fine(f"in process, rebuilt from the log at each start; {REDIS_URL} would name a server")

    async def ask() -> None:
        async with await open_store(url):
            pass

    asyncio.run(ask())
    return fine(f"the Redis server of {REDIS_URL} answers")


# ── The kernels ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _cache() -> Finding:
    directory = cache_directory()
    with tempfile.TemporaryFile(dir=directory):
        pass
    return fine(f"{directory} is writable")


def _kernels() -> Finding:
    """Run a day of one-minute bars through both stages."""
    strategies = sorted(pathlib.Path("strategies").glob("*.py"))
    if not strategies:
        return warn("nothing to compile without a strategy: run this where the folder strategies is")
    before = _compiled()
    profile = validated(Profile, _smallest_profile(strategies[0].stem), "the doctor's own profile")
    universe, events = synthetic_bars(_TRADING_DAY, _TRADING_DAY, seed=1, symbols=SYMBOLS[:1])
    signals = SignalStage(profile, universe, load_strategies(profile)).advance(events)
    AccountStage(profile, universe).advance(events, signals)
    made = len(_compiled() - before)
    return fine(f"ran {len(events)} events, {f'compiled {made} blocks' if made else 'from the cache'}")


def _smallest_profile(strategy: str) -> dict[str, object]:
    return {
        "account": {"capital": 100_000},
        "strategies": [{"name": "doctor", "strategy": strategy, "capital": 100_000}],
    }


def _compiled() -> set[pathlib.Path]:
    return set(cache_directory().rglob("*.nbc"))


# ── What the user wrote ──────────────────────────────────────────────────────────────────────────────────────────────


def _strategies() -> Finding:
    paths = sorted(pathlib.Path("strategies").glob("*.py"))
    loaded = [load_strategy(str(path)).name for path in paths]
    if not loaded:
        return warn("none in the folder strategies: run this where your strategies are")
    return fine(", ".join(loaded))


def _profiles() -> Finding:
    """Parse every profile and study, and load the strategies that they name."""
    paths = sorted([*pathlib.Path("live").glob("*.toml"), *pathlib.Path("backtest").glob("*.toml")])
    for path in paths:
        load_strategies(load_study(path).profile)
    if not paths:
        return warn("none in the folders live and backtest: run this where your profiles are")
    return fine(", ".join(str(path) for path in paths))


def _catalog(data: pathlib.Path) -> Finding:
    """Read the times of every file, and one instrument of each resolution with the registry."""
    catalog = Catalog(data)
    held = {resolution: catalog.spans(resolution)["symbol"].to_list() for resolution in RESOLUTIONS}
    for resolution, symbols in held.items():
        for symbol in symbols[:1]:
            _, last = catalog.span(symbol, resolution)
            catalog.events([symbol], resolution, first=last)
    counts = [f"{len(symbols)} instruments at {resolution}" for resolution, symbols in held.items() if symbols]
    exchanges = catalog.contract_exchanges()
    counts += [f"{len(catalog.contract_days(exchange))} days of contracts of {exchange}" for exchange in exchanges]
    if not counts:
        return warn(f"{data} is empty: fill it with `alpha-panda data ingest PATH`")
    return fine(f"{data}: {', '.join(counts)}")


MACHINE: dict[str, Check] = {"python": _python, "packages": _packages, "store": _store}
WORKSPACE: dict[str, Check] = {
    "disk": lambda: room(pathlib.Path()),
    "kernel cache": _cache,
    "kernels": _kernels,
    "strategies": _strategies,
    "profiles": _profiles,
}
"""The checks that need not be told anything, in the order in which they are made."""
