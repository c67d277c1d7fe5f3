"""`alpha-panda doctor`: whether everything here can run, and if not, what to do."""

import dataclasses
import datetime
import enum
import functools
import importlib
import importlib.metadata
import os
import pathlib
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator

import redis
from rich.text import Text

from alpha_panda.chain import AccountStage, SignalStage, load_strategies
from alpha_panda.cli.options import Data, Json
from alpha_panda.config import Profile, load_study, validated
from alpha_panda.data.catalog import RESOLUTIONS, Catalog
from alpha_panda.data.synthetic import SYMBOLS, synthetic_bars
from alpha_panda.errors import AlphaPandaError
from alpha_panda.kernels.jit import cache_directory
from alpha_panda.live.build import REDIS_URL
from alpha_panda.strategy import load_strategy
from alpha_panda.terminal import print_json, show, table

DISK_WARN_BYTES, DISK_FAIL_BYTES = 5 * 10**9, 500 * 10**6
FAILED = 1

_TIMEOUT_S = 5.0
_TRADING_DAY = datetime.date(2026, 11, 20)


class Verdict(enum.StrEnum):
    """How a check ended: `WARN` limits what can be done here, `FAIL` stops it."""

    FINE = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a check found, in a few words; where it is not `FINE`, also what to do."""

    verdict: Verdict
    detail: str


Check = Callable[[], Finding]


def doctor(*, data: Data = pathlib.Path("data"), json: Json = False) -> int:
    """Check this machine and this folder; the exit code is 1 when something is broken."""
    checks = {**CHECKS, "catalog": functools.partial(_catalog, data)}
    findings = {name: _examined(check) for name, check in checks.items()}
    verdicts = [finding.verdict for finding in findings.values()]
    if json:
        print_json(
            {
                "healthy": Verdict.FAIL not in verdicts,
                "checks": [{"check": name, **dataclasses.asdict(finding)} for name, finding in findings.items()],
            }
        )
    else:
        rows = [(name, _coloured(finding.verdict), finding.detail) for name, finding in findings.items()]
        show(table("Doctor", ("check", "", "finding"), rows))
    return FAILED if Verdict.FAIL in verdicts else 0


def _examined(check: Check) -> Finding:
    """Return what a check found; that it could not be made is a finding too."""
    try:
        return check()
    except AlphaPandaError as error:
        return Finding(Verdict.FAIL, str(error))
    except Exception as error:  # noqa: BLE001  # whatever is broken here, the other checks still tell something
        return Finding(Verdict.FAIL, f"{type(error).__name__}: {error}")


def _coloured(verdict: Verdict) -> Text:
    return Text(verdict, {"ok": "green", "warn": "yellow", "fail": "bold red"}[verdict])


# ── The machine ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _python() -> Finding:
    return Finding(Verdict.FINE, f"{platform.python_version()} on {platform.machine()}")


def _packages() -> Finding:
    """Import every package of the core; warn of one that is not of a locked version."""
    found = {name: importlib.metadata.version(name) for name in _core_packages()}
    for name in found:
        importlib.import_module(name)
    lock = pathlib.Path("requirements.lock")
    text = "\n" + lock.read_text(encoding="utf-8") if lock.is_file() else ""
    strange = [f"{name} {version}" for name, version in found.items() if text and f"\n{name}=={version}" not in text]
    if strange:
        return Finding(Verdict.WARN, f"{', '.join(strange)} differ from requirements.lock: run `make setup`")
    return Finding(Verdict.FINE, ", ".join(f"{name} {version}" for name, version in found.items()))


def _core_packages() -> Iterator[str]:
    for requirement in importlib.metadata.requires("alpha-panda") or ():
        if "extra ==" not in requirement:
            yield re.split(r"[^\w.-]", requirement)[0]


def _disk() -> Finding:
    free = shutil.disk_usage(pathlib.Path()).free
    detail = f"{free / 10**9:.1f} GB free here"
    if free < DISK_FAIL_BYTES:
        return Finding(Verdict.FAIL, f"{detail}: a session's log would not fit")
    return Finding(Verdict.WARN if free < DISK_WARN_BYTES else Verdict.FINE, detail)


def _store() -> Finding:
    """Ask the Redis server that is configured, if any; the address shown is without its password."""
    url = os.environ.get(REDIS_URL)
    if not url:
        return Finding(Verdict.FINE, f"in process, rebuilt from the log at each start; {REDIS_URL} would name a server")
    with redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S) as client:
        client.ping()
    return Finding(Verdict.FINE, f"the Redis server of {REDIS_URL} answers")


# ── The kernels ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _cache() -> Finding:
    directory = cache_directory()
    with tempfile.TemporaryFile(dir=directory):
        pass
    return Finding(Verdict.FINE, f"{directory} is writable")


def _kernels() -> Finding:
    """Run a day of one-minute bars through both stages."""
    strategies = sorted(pathlib.Path("strategies").glob("*.py"))
    if not strategies:
        return Finding(Verdict.WARN, "nothing to compile without a strategy: run this where the folder strategies is")
    before = _compiled()
    profile = validated(Profile, _smallest_profile(strategies[0].stem), "the doctor's own profile")
    universe, events = synthetic_bars(_TRADING_DAY, _TRADING_DAY, seed=1, symbols=SYMBOLS[:1])
    signals = SignalStage(profile, universe, load_strategies(profile)).advance(events)
    AccountStage(profile, universe).advance(events, signals)
    made = len(_compiled() - before)
    return Finding(Verdict.FINE, f"ran {len(events)} events, {f'compiled {made} blocks' if made else 'from the cache'}")


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
        return Finding(Verdict.WARN, "none in the folder strategies: run this where your strategies are")
    return Finding(Verdict.FINE, ", ".join(loaded))


def _profiles() -> Finding:
    """Parse every profile and study, and load the strategies that they name."""
    paths = sorted([*pathlib.Path("live").glob("*.toml"), *pathlib.Path("backtest").glob("*.toml")])
    for path in paths:
        load_strategies(load_study(path).profile)
    if not paths:
        return Finding(Verdict.WARN, "none in the folders live and backtest: run this where your profiles are")
    return Finding(Verdict.FINE, ", ".join(str(path) for path in paths))


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
        return Finding(Verdict.WARN, f"{data} is empty: fill it with `alpha-panda data ingest PATH`")
    return Finding(Verdict.FINE, f"{data}: {', '.join(counts)}")


CHECKS: dict[str, Check] = {
    "python": _python,
    "packages": _packages,
    "disk": _disk,
    "store": _store,
    "kernel cache": _cache,
    "kernels": _kernels,
    "strategies": _strategies,
    "profiles": _profiles,
}
"""The checks that need not be told anything, in the order in which they are made."""
