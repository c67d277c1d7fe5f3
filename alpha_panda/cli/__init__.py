"""The command line, `alpha-panda`: what there is to command, each part imported when it is asked for."""

import importlib.metadata
from collections.abc import Sequence

from cyclopts import App

from alpha_panda import terminal
from alpha_panda.cli.lazy import register

app = App(
    name="alpha-panda",
    help="From an idea in a notebook to orders in an account: one chain of kernels for backtest, sweep and live.",
    help_epilogue="Every command explains itself with --help and answers in JSON with --json.",
    version=lambda: importlib.metadata.version("alpha-panda"),
)
app.command(
    "alpha_panda.cli.data:app", name="data", help="Fill the catalog of market data, and see what it holds.", sort_key=0
)
register(
    app,
    {
        "init": "alpha_panda.cli.init:init",
        "backtest": "alpha_panda.cli.backtest:backtest",
        "report": "alpha_panda.cli.report:write_report",
        "sweep": "alpha_panda.cli.sweep:sweep_grid",
        "walkforward": "alpha_panda.cli.walkforward:walk",
        "causality": "alpha_panda.cli.causality:prove_causality",
        "research": "alpha_panda.cli.research:research",
        "live": "alpha_panda.live.__main__:live",
        "verify": "alpha_panda.cli.verify:verify_session",
        "doctor": "alpha_panda.cli.doctor:doctor",
    },
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, by default that of this process, and return its exit code."""
    return terminal.run(app, arguments)
