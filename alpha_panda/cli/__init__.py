"""The command line, `alpha-panda`: what there is to command, each part imported when it is asked for."""

import importlib.metadata
import sys
from collections.abc import Sequence

from cyclopts import App

from alpha_panda import terminal

_COMMANDS = (
    ("init", "alpha_panda.cli.init:init", "Make a workspace of your own, with everything to begin from."),
    ("data", "alpha_panda.cli.data:app", "Fill the catalog of market data, and see what it holds."),
    ("backtest", "alpha_panda.cli.backtest:backtest", "Run a profile or a study over past events."),
    ("report", "alpha_panda.cli.report:write_report", "Run a profile or a study, and write its tear sheet as HTML."),
    (
        "sweep",
        "alpha_panda.cli.sweep:sweep_grid",
        "Run combinations of parameters over past events; list the best.",
    ),
    ("walkforward", "alpha_panda.cli.walkforward:walk", "Trade the best of the past on the days that follow."),
    ("causality", "alpha_panda.cli.causality:prove_causality", "Try whether a strategy or a signal knows the future."),
    ("research", "alpha_panda.cli.research:research", "Open the notebooks, to edit or as apps."),
    ("live", "alpha_panda.live.__main__:live", "Trade a session on paper, or resume one."),
    ("verify", "alpha_panda.cli.verify:verify_session", "Prove that a recorded session equals its replay."),
    ("doctor", "alpha_panda.cli.doctor:doctor", "Check that everything here can run."),
)

app = App(
    name="alpha-panda",
    help="From an idea in a notebook to orders in an account: one chain of kernels for backtest, sweep and live.",
    help_epilogue="Every command explains itself with --help and answers in JSON with --json.",
    version=lambda: importlib.metadata.version("alpha-panda"),
)
for _place, (_name, _target, _help) in enumerate(_COMMANDS):
    app.command(_target, name=_name, help=_help, sort_key=_place)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, by default that of this process, and return its exit code."""
    return terminal.run(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
