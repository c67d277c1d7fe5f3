"""What the tests of the command line share: a way to run a command, and small files to feed it."""

import datetime
import json
import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import polars as pl
import pytest

from alpha_panda.cli import main

ROOT = pathlib.Path(__file__).parents[2]

# Two fast waves over a slow one: averages of two and of five bars cross about once every ten minutes.
WAVES = [round(100 + 5 * math.sin(minute / 40) + 2 * math.sin(minute / 3), 1) for minute in range(375)]

MinuteFile = Callable[..., pathlib.Path]
WrittenProfile = Callable[..., pathlib.Path]


class Answer(NamedTuple):
    """What a command left behind: its exit code, stdout and stderr."""

    code: int
    output: str
    complaint: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.output)


Command = Callable[..., Answer]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs `alpha-panda` with arguments, in this process."""

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture
def minute_file(tmp_path: pathlib.Path) -> MinuteFile:
    """Return a function that writes flat one-minute bars of one symbol, from 09:15 IST on."""

    def write(closes: Sequence[float], symbol: str = "AAA") -> pathlib.Path:
        start = datetime.datetime(2025, 1, 6, 9, 15)  # noqa: DTZ001  # the file has no zone, which means IST
        times = [start + datetime.timedelta(minutes=number) for number in range(len(closes))]
        prices = dict.fromkeys(["open", "high", "low", "close"], closes)
        path = tmp_path / f"{symbol}.parquet"
        volumes = [1_000] * len(closes)
        pl.DataFrame({"symbol": symbol, "timestamp": times, **prices, "volume": volumes}).write_parquet(path)
        return path

    return write


@pytest.fixture
def catalog(command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path) -> pathlib.Path:
    """Return the folder of a catalog with one day of minutes, 2025-01-06, of NSE:AAA."""
    assert command("data", "ingest", minute_file(WAVES), "--data", tmp_path / "data").code == 0
    return tmp_path / "data"


@pytest.fixture
def profile(tmp_path: pathlib.Path) -> WrittenProfile:
    """Return a function that writes a profile of one crossover; `changes` replace pieces of its text."""

    def write(**changes: str) -> pathlib.Path:
        pieces = {
            "strategy": f'"{ROOT / "strategies" / "sma_cross.py"}"',
            "parameters": "{ fast = 2, slow = 5 }",
            "interval": '"1m"',
            "risk": "",
            **changes,
        }
        path = tmp_path / "profile.toml"
        path.write_text(_PROFILE.format(**pieces))
        return path

    return write


_PROFILE = """
[account]
capital = 1_000_000

[[strategies]]
name = "cross"
strategy = {strategy}
interval = {interval}
capital = 1_000_000
parameters = {parameters}
size = {{ mode = "fraction", value = 0.05 }}

[risk]
{risk}
"""
