"""What a person may do to the account from a page, and what is asked before it is done."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from alpha_panda.apps.desk.models import Picture


class Command(NamedTuple):
    """A button; what it does is asked for at the API, by the browser, once the person has confirmed it."""

    label: str
    act: dict[str, Any]
    off: str  # why there is nothing to do; empty where there is


def acts(picture: Picture) -> Iterator[Command]:
    """Yield the commands of the account in their order, which never changes.

    What would change nothing is off; what the account has not said is never taken for a reason to switch a button off.
    """
    state = picture.account.state if picture.account is not None else None
    disabled = [strategy.name for strategy in picture.strategies if strategy.state == "disabled"]
    needs_no_reset = state in ("running", "reducing", "paused") and not picture.killed and not disabled
    nobody = "" if picture.session is not None else "No session has begun."
    yield Command("Pause", _PAUSE, nobody or ("It is paused." if state == "paused" else ""))
    yield Command("Resume", _RESUME, nobody or ("It is not paused." if state in ("running", "reducing") else ""))
    yield Command("Flatten", _FLATTEN_KILLED if picture.killed or state == "killed" else _FLATTEN, nobody)
    yield Command("Reset", _RESET, nobody or ("It is neither killed nor halted." if needs_no_reset else ""))


def _act(command: str, title: str, detail: str, label: str, grave: bool = False) -> dict[str, Any]:
    return {"path": f"/control/{command}", "title": title, "detail": detail, "label": label, "grave": grave}


_PAUSE = _act("pause", "Pause the account?", "Nothing opens any more. Exits, guards and the square-off go on.", "Pause")
_RESUME = _act(
    "resume", "Resume the account?", "Strategies may open positions again. A kill or a halt stays as it is.", "Resume"
)
_FLATTEN = _act(
    "flatten",
    "Close all positions?",
    "Every position leaves at the market, and the account is paused until somebody resumes it.",
    "Close all positions",
    grave=True,
)
_FLATTEN_KILLED = {
    **_FLATTEN,
    "detail": "It is killed, so no exit leaves before a person resets it; then every position does, at the market.",
}
_RESET = _act(
    "reset",
    "Reset the account?",
    "This takes back a kill, a halt of the loss limits and the disabling of strategies: it may trade again.",
    "Reset",
    grave=True,
)
