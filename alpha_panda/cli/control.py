"""`alpha-panda pause`, `resume`, `flatten`, `kill`, `reset`: the controls of a session that runs, from any terminal.

What takes long to import is imported where it is used: a kill engages its latch before that.
"""

import asyncio
import contextlib
import dataclasses
import pathlib
import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from alpha_panda.cli.options import Json
from alpha_panda.cli.person import person_here
from alpha_panda.live.control.killswitch import LATCH, KillSwitch
from alpha_panda.terminal import print_json, show

if TYPE_CHECKING:
    from alpha_panda.live.control.operator import Receipt

UNANSWERED = 12
"""The exit code where a command was given and nobody said that it was carried out."""

State = Annotated[pathlib.Path, Parameter(help="The directory of the session, live/state/….")]
OfStrategy = Annotated[
    str, Parameter("--strategy", show_default=False, help="Only this strategy; else the whole account.")
]
Reason = Annotated[str, Parameter(show_default=False, help="Why, for whoever reads the log.")]


def pause(*, state: State, strategy: OfStrategy = "", reason: Reason = "", json: Json = False) -> int:
    """Let nothing open any more: what is at work to open is cancelled; exits, guards and the square-off go on.

    It lasts until `alpha-panda resume`, over days and restarts. The exit code is 12 where the account does not answer.
    """
    return _given("pause", state, strategy, reason, json)


def resume(*, state: State, strategy: OfStrategy = "", reason: Reason = "", json: Json = False) -> int:
    """Take back a pause, and nothing else: no kill, and no halt of the loss limits.

    A target that was refused meanwhile is not asked for again; a strategy trades with its next one. The exit code is 12
    where the account does not answer.
    """
    return _given("resume", state, strategy, reason, json)


def flatten(*, state: State, strategy: OfStrategy = "", reason: Reason = "", json: Json = False) -> int:
    """Close every open book at the market, and let nothing open any more: what else is at work is cancelled.

    What it closed waits for a changed target, also after `alpha-panda resume`. Outside the hours of the exchange the
    exits wait for its next session; a killed account makes them after the reset. The exit code is 12 where the account
    does not answer.
    """
    return _given("flatten", state, strategy, reason, json)


def kill(*, state: State, reason: Reason = "", json: Json = False) -> int:
    """Cancel all that is at work, and let nothing leave any more, no exit either: positions stay as they are.

    The latch STATE/kill is engaged first, and works with the log down and over restarts, on the machine that keeps the
    account. It lasts until `alpha-panda reset`. The exit code is 12 where the log was told and the account is silent.
    """
    return _given("kill", state, "", reason, json)


def reset(*, state: State, strategy: OfStrategy = "", reason: Reason = "", json: Json = False) -> int:
    """Take back a kill, a halt of the loss limits, and the disabling of strategies; a pause stays.

    Exits that were held back are then made. Where a loss limit had been passed, losses count from the equity of now.
    The exit code is 12 where the account does not answer.
    """
    return _given("reset", state, strategy, reason, json)


def _given(command: str, state: pathlib.Path, strategy: str, reason: str, json: bool) -> int:
    who, time_ns = person_here(), time.time_ns()
    if command == "kill":
        with contextlib.suppress(OSError):  # is tried again below, and told
            KillSwitch(state, time.monotonic).engage(who, reason, time_ns)
    from alpha_panda.live.build import kafka_address, open_log
    from alpha_panda.live.control.operator import Operator, give

    operator = Operator(
        state=state,
        who=who,
        time_ns=time_ns,
        monotonic=time.monotonic,
        open_log=lambda read_only: open_log(state, read_only),
        embedded=not kafka_address(state=state),
    )
    receipt = asyncio.run(give(operator, command, strategy, reason))
    # With the log out of reach nothing can trade, and the latch holds what comes after.
    done = receipt.account is not None or (receipt.latch == "engaged" and receipt.told != "log")
    if json:
        print_json({"state": state, **dataclasses.asdict(receipt)})
    else:
        show(*_sentences(receipt, state))
    return 0 if done else UNANSWERED


def _sentences(receipt: "Receipt", state: pathlib.Path) -> list[str]:
    """Return what was done, what was told, and what came back."""
    said: list[str] = []
    if receipt.latch == "engaged":
        said.append(f"The latch {state / LATCH} is engaged: nothing trades there until `alpha-panda reset`.")
    if receipt.latch == "released":
        said.append(f"The latch {state / LATCH} is released.")
    whom = f"strategy {receipt.strategy}" if receipt.strategy else "the account"
    if receipt.account is not None:
        said.append(f"Carried out: {receipt.command} of {whom}; the account is {receipt.account}.")
    elif receipt.told == "spool":
        said.append(f"No session takes it up in {state}: the {receipt.command} waits there for the next start.")
    elif receipt.told == "log":
        said.append(f"The {receipt.command} is on the log, and the account does not answer: see `alpha-panda status`.")
    if receipt.trouble:
        said.append(f"Not all could be done: {receipt.trouble}.")
    return said
