"""`alpha-panda rebuild`: the portfolio in Redis, folded anew from the log or held against it."""

import dataclasses
import os
import pathlib
from typing import Annotated

from cyclopts import Parameter

from alpha_panda.cli.options import Json
from alpha_panda.errors import ConfigurationError, ParityError
from alpha_panda.live.build import REDIS_URL
from alpha_panda.live.past.rebuild import check, rebuild
from alpha_panda.terminal import print_json, progress, show


def rebuild_portfolio(
    *,
    state: Annotated[pathlib.Path, Parameter(help="The directory of the session, live/state/….")],
    redis: Annotated[
        str | None, Parameter(help=f"The Redis server, redis://localhost:6379/0; ${REDIS_URL} if not said.")
    ] = None,
    check_only: Annotated[
        bool, Parameter("--check", negative=(), show_default=False, help="Change nothing, and tell what differs.")
    ] = False,
    json: Json = False,
) -> None:
    """Fold the portfolio of a session into Redis anew, from its log; the session may be running meanwhile.

    With --check, what Redis shows is held against the log instead, byte for byte. Where they differ, the exit code is
    8, and the first difference is told.
    """
    address = redis or os.environ.get(REDIS_URL)
    if not address:
        raise ConfigurationError(f"no Redis server is named: give --redis redis://localhost:6379/0, or set {REDIS_URL}")
    with progress("rebuild", shown=not json) as tell:
        report = (check if check_only else rebuild)(state, address, tell)
    if json:
        print_json({**dataclasses.asdict(report), "holds": report.holds})
    if not report.holds:
        raise ParityError(
            f"the portfolio in Redis differs from the session in {state}: {report.difference}; fold it anew with "
            f"alpha-panda rebuild --state {state}"
        )
    if not json:
        done = "shows what its log says" if check_only else "was folded anew"
        show(f"the portfolio of {report.broker} {done}: {report.records:,} records of the session {report.session}")
