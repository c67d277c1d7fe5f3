"""`alpha-panda report`: a backtest and its tear sheet, one HTML file that needs nothing else."""

import pathlib
import webbrowser
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from alpha_panda.backtest.run import run
from alpha_panda.backtest.sweep import sweep as sweep_of
from alpha_panda.backtest.validate.resampling import bootstrap
from alpha_panda.backtest.validate.walk_forward import walk_forward as walk_forward_of
from alpha_panda.cli.options import Adjusted, DataOfStudy, First, Instruments, Json, Last, Resolution
from alpha_panda.errors import ConfigurationError
from alpha_panda.terminal import print_json, progress, show

_HELP_SWEEP = "Also run the study's [sweep], and draw it as a heat map."
_HELP_WALK = "Also walk the study forward as its [walkforward] says."
_HELP_PATHS = "Draw so many other histories from the daily returns, as 1000; 0 draws none."


def write_report(
    question: Annotated[pathlib.Path, Parameter(name="PROFILE", help="A profile or a study, as live/paper.toml.")],
    /,
    *,
    out: Annotated[pathlib.Path, Parameter(help="The file to write.")] = pathlib.Path("report.html"),
    data: DataOfStudy = None,
    first: First = None,
    last: Last = None,
    instruments: Instruments = (),
    resolution: Resolution = None,
    adjusted: Adjusted = None,
    sweep: Annotated[bool, Parameter(negative=(), show_default=False, help=_HELP_SWEEP)] = False,
    walk_forward: Annotated[bool, Parameter(negative=(), show_default=False, help=_HELP_WALK)] = False,
    monte_carlo: Annotated[int, Parameter(validator=Number(gte=0), help=_HELP_PATHS)] = 0,
    title: Annotated[str | None, Parameter(help="Its heading; else the names of the strategies.")] = None,
    open_: Annotated[bool, Parameter("--open", negative=(), show_default=False, help="Open it in a browser.")] = False,
    json: Json = False,
) -> None:
    """Run a profile or a study over past events, and write its tear sheet."""
    from alpha_panda.apps.tearsheet import report  # here, for --help need not wait for what draws charts

    if not out.parent.is_dir():
        raise ConfigurationError(f"{out} cannot be written: there is no folder {out.parent}")
    if out.is_dir():
        raise ConfigurationError(f"{out} is a folder: name a file in it, as {out / 'report.html'}")
    chosen: dict[str, Any] = {
        "data": data,
        "first": first,
        "last": last,
        "instruments": instruments,
        "resolution": resolution,
        "adjusted": adjusted,
    }
    # First what else is tried, so that the verdict on the run counts it.
    with progress("sweep", shown=not json) as tell:
        swept = sweep_of(question, **chosen, progress=tell) if sweep else None
    with progress("walk forward", shown=not json) as tell:
        walked = walk_forward_of(question, **chosen, progress=tell) if walk_forward else None
    with progress("backtest", shown=not json) as tell:
        result = run(question, **chosen, progress=tell)
    returns = result.daily["return"].to_numpy()
    drawn = bootstrap(returns, paths=monte_carlo, initial=result.initial) if monte_carlo else None
    path = report(result, out, monte_carlo=drawn, walk_forward=walked, sweep=swept, title=title)
    if json:
        print_json({"out": path, "bytes": path.stat().st_size, "ledger_hash": result.ledger_hash})
    else:
        show(f"{path} ({path.stat().st_size / 1e6:.1f} MB) needs no other file and no network")
    if open_:
        webbrowser.open(path.resolve().as_uri())
