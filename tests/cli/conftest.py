"""What the tests of the command line share: a way to run a command, and a small file to feed it."""

import datetime
import json
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import polars as pl
import pytest

from alpha_panda.cli import main

MinuteFile = Callable[..., pathlib.Path]


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

    def write(closes: list[float], symbol: str = "AAA") -> pathlib.Path:
        start = datetime.datetime(2025, 1, 6, 9, 15)  # noqa: DTZ001  # the file has no zone, which means IST
        times = [start + datetime.timedelta(minutes=number) for number in range(len(closes))]
        prices = dict.fromkeys(["open", "high", "low", "close"], closes)
        path = tmp_path / f"{symbol}.parquet"
        pl.DataFrame({"symbol": symbol, "timestamp": times, **prices, "volume": [7] * len(closes)}).write_parquet(path)
        return path

    return write
