"""What a check of `alpha-panda doctor` finds, and how findings are made and shown."""

import dataclasses
import enum
from collections.abc import Callable, Mapping

from rich.text import Text

from alpha_panda.errors import AlphaPandaError
from alpha_panda.terminal import print_json, show, table

FAILED = 1


class Verdict(enum.StrEnum):
    """How a check ended: `WARN` limits what can be done here, `FAIL` stops it."""

    FINE = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a check found, in a sentence; where it is not `FINE`, also what to do."""

    verdict: Verdict
    detail: str


Check = Callable[[], Finding]


def fine(detail: str) -> Finding:
    """Return that all is well."""
    return Finding(Verdict.FINE, detail)


def warn(detail: str) -> Finding:
    """Return that something is limited here."""
    return Finding(Verdict.WARN, detail)


def fail(detail: str) -> Finding:
    """Return that something cannot be done here."""
    return Finding(Verdict.FAIL, detail)


def examined(check: Check) -> Finding:
    """Return what a check found; that it could not be made is a finding too."""
    try:
        return check()
    except AlphaPandaError as error:
        return fail(str(error))
    except Exception as error:  # noqa: BLE001  # whatever is broken here, the other checks still tell something
        return fail(f"{type(error).__name__}: {error}")


def report(checks: Mapping[str, Check], json: bool) -> int:
    """Make every check, show what was found, and return the exit code: 1 where one failed."""
    findings = {name: examined(check) for name, check in checks.items()}
    healthy = all(finding.verdict is not Verdict.FAIL for finding in findings.values())
    if json:
        found = [{"check": name, **dataclasses.asdict(finding)} for name, finding in findings.items()]
        print_json({"healthy": healthy, "checks": found})
    else:
        rows = [(name, _coloured(finding.verdict), finding.detail) for name, finding in findings.items()]
        show(table("Doctor", ("check", "", "finding"), rows))
    return 0 if healthy else FAILED


def _coloured(verdict: Verdict) -> Text:
    return Text(verdict, {"ok": "green", "warn": "yellow", "fail": "bold red"}[verdict])
