"""`alpha-panda verify`: whether a recorded session did what its own events say, to the byte."""

import dataclasses
import pathlib
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from alpha_panda.cli.options import Json
from alpha_panda.errors import ParityError
from alpha_panda.live.past.verify import Level, verify
from alpha_panda.terminal import print_json, show, table


def verify_session(
    *,
    state: Annotated[pathlib.Path, Parameter(help="The directory of the session, live/state/….")],
    json: Json = False,
) -> None:
    """Replay a recorded session and compare it at three levels: its signals, its journal and a plain backtest.

    Where they differ, the exit code is 8, and the first difference is told.
    """
    report = verify(state)
    if json:
        print_json({**dataclasses.asdict(report), "holds": report.holds})
    else:
        show(
            table(f"The session in {state}", ("level", "", "compared"), map(_row, report.levels)),
            f"{report.events:,} events in {report.frames:,} frames, ledger {report.ledger_hash}",
        )
    for level in report.levels:
        if not level.holds:
            raise ParityError(
                f"the session in {state} differs from its replay at level {level.name}: {level.difference}"
            )


def _row(level: Level) -> tuple[str, Text, str]:
    verdict = Text("same", "green") if level.holds else Text("differs", "bold red")
    return level.name, verdict, level.compared or level.difference
