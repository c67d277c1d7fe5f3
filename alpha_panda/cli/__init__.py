"""The command line, `alpha-panda`: what there is to command, each part imported when it is asked for."""

import importlib.metadata
import sys
from collections.abc import Sequence

from cyclopts import App

from alpha_panda import terminal

app = App(
    name="alpha-panda",
    help="From an idea in a notebook to orders in an account: one chain of kernels for backtest, sweep and live.",
    help_epilogue="Every command explains itself with --help and answers in JSON with --json.",
    version=lambda: importlib.metadata.version("alpha-panda"),
)
app.command("alpha_panda.cli.data:app", name="data", help="Fill the catalog of market data, and see what it holds.")
app.command("alpha_panda.cli.backtest:backtest", name="backtest", help="Run a profile or a study over past events.")
app.command("alpha_panda.cli.doctor:doctor", name="doctor", help="Check that everything here can run.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, by default that of this process, and return its exit code."""
    return terminal.run(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
