"""`python -m alpha_panda.live`: trade a session on paper, from any feed, and resume it after anything."""

import asyncio
import datetime
import pathlib
import sys
from typing import Annotated, Literal

from cyclopts import App, Parameter

from alpha_panda import terminal
from alpha_panda.live.build import Options, new_state, new_status, speed_of, trade

app = App(
    name="python -m alpha_panda.live", help_epilogue="What a session did is proved by: alpha-panda verify --state DIR"
)


@app.default
def live(
    profile: pathlib.Path = pathlib.Path("live/paper.toml"),
    /,
    *,
    feed: Literal["synthetic", "replay"] | None = None,
    data: pathlib.Path | None = None,
    first: Annotated[datetime.date | None, Parameter("--from")] = None,
    last: Annotated[datetime.date | None, Parameter("--to")] = None,
    instruments: str = "",
    resolution: Literal["tick", "1m", "1d"] | None = None,
    speed: str | None = None,
    until_end: bool = True,
    state: pathlib.Path | None = None,
    json: bool = False,
) -> int:
    """Trade a session on paper."""
    options = Options(
        profile,
        feed,
        data,
        first,
        last,
        tuple(filter(None, instruments.split(","))),
        resolution,
        None if speed is None else speed_of(speed),
        state,
    )
    engine = asyncio.run(trade(options, state or new_state(), new_status(), asyncio.Event()))
    terminal.print_json(engine.stage.summary())
    return 0


if __name__ == "__main__":
    sys.exit(terminal.run(app))
