"""What all commands have in common: how they end, and how they show progress, tables and JSON.

Results go to stdout, everything else to stderr. An error is one sentence and an exit code, never a traceback, unless
`ALPHA_PANDA_DEBUG=1` asks for one.
"""

import contextlib
import json
import math
import os
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

from cyclopts import App, CycloptsError
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from alpha_panda.errors import AlphaPandaError

SUCCESS, BAD_ARGUMENTS, UNEXPECTED, REFUSED_FILE, INTERRUPTED, UNREAD = 0, 2, 70, 74, 130, 141
"""The exit codes besides those of `errors.py`; the last four are those of sysexits.h and of a shell."""

_WIDTH_UNSEEN = 200  # columns where no terminal sets a width, so that a table in a file is not folded
_GAPS = (3, 2, 1)  # columns of a screen between two of a table, the first for which there is room
_WORD_KEPT = 26  # characters: the symbol of an option is not parted


class Progress(Protocol):
    """Told how much is done, of how much, and perhaps what comes next."""

    def __call__(self, done: int, total: int, label: str = "") -> None:
        """Take note of it."""
        ...


def run(app: App, arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of this process, and return its exit code: what the command returns, or 0.

    What went wrong is on stderr by then, in one sentence.
    """
    try:
        outcome = app(
            arguments,
            result_action="return_value",
            exit_on_error=False,
            error_console=_console(sys.stderr),
            error_formatter=lambda error: _error_line(str(error)),
        )
    except CycloptsError:
        return BAD_ARGUMENTS
    except AlphaPandaError as error:
        _say_error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        if isinstance(error, ConnectionError | TimeoutError):
            return _say_defect(error)
        place, reason = error.filename or "a file", error.strerror or error
        _say_error(f"{place} cannot be used: {reason}; check the path, its rights, and the disk")
        return REFUSED_FILE
    except SystemExit as stop:  # cyclopts leaves this way when interrupted, rich with 1 when nobody reads on
        return INTERRUPTED if stop.code == INTERRUPTED else UNREAD
    except Exception as error:  # noqa: BLE001  # whatever it is, a person gets a sentence
        return _say_defect(error)
    return outcome if isinstance(outcome, int) else SUCCESS


def _say_defect(error: Exception) -> int:
    _say_error(
        f"this is a defect in Alpha Panda, please report it: {type(error).__name__}: {error} "
        "(ALPHA_PANDA_DEBUG=1 shows where)"
    )
    return UNEXPECTED


def _say_error(sentence: str) -> None:
    console = _console(sys.stderr)
    if os.environ.get("ALPHA_PANDA_DEBUG") == "1":
        console.print_exception()
    console.print(_error_line(sentence))


def _error_line(sentence: str) -> Text:
    return Text.assemble(("error: ", "bold red"), sentence)


@contextlib.contextmanager
def progress(label: str, shown: bool = True) -> Generator[Progress]:
    """Give a function that draws how far the work is, on stderr; nothing is drawn where that is no terminal.

    `shown` is False for a command that was asked for JSON.
    """
    if not (shown and sys.stderr.isatty()):
        yield _unseen
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Bars(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=_console(sys.stderr), transient=True
    ) as bars:
        task = bars.add_task(label, total=None)

        def tell(done: int, total: int, label: str = label) -> None:
            bars.update(task, completed=done, total=total, description=label)

        yield tell


def _unseen(done: int, total: int, label: str = "") -> None:
    """Draw nothing."""


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[RenderableType]]) -> Group:
    """Return a table under its title; a column whose name ends in `>` is set flush right, as numbers are.

    On a narrow screen text goes over several lines, and a number is never cut: lines that need it run over the edge.
    """
    return Group(Text(title, "bold"), _Table(columns, rows))


class _Table:
    """A table that is as wide as the screen lets it be, and as its numbers need."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[RenderableType]]) -> None:
        self.columns, self.rows = columns, list(rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [name.removesuffix(">") for name in self.columns]
        numbers = [name.endswith(">") for name in self.columns]
        cells = [[str(row[place]) for row in self.rows] for place in range(len(names))]
        least = [_least(*each) for each in zip(names, cells, numbers, strict=True)]
        gap = next((gap for gap in _GAPS if _across(least, gap) <= options.max_width), _GAPS[-1])
        widths = _narrowed([_longest([name, *each]) for name, each in zip(names, cells, strict=True)], least)
        chosen = next(each for each in widths if _across(each, gap) <= options.max_width or each == least)
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, int(gap > 1)), collapse_padding=gap == 2)
        for name, number, width in zip(names, numbers, chosen, strict=True):
            made.add_column(name, justify="right" if number else "left", width=width, overflow="fold")
        for row in self.rows:
            made.add_row(*row)
        yield from console.render(made, options.update(width=max(_across(chosen, gap), options.max_width)))


def _across(widths: Sequence[int], gap: int) -> int:
    """Return how wide a table of these columns is, with a blank at each edge."""
    return sum(widths) + gap * (len(widths) - 1) + 2


def _least(name: str, cells: Sequence[str], number: bool) -> int:
    """Return how narrow a column may become: a number stays whole, text is parted between words, or in a long one."""
    words = _longest(name.split())
    if number:
        return max(words, _longest(cells))
    return min(max(words, _longest(word for cell in cells for word in cell.split())), _WORD_KEPT)


def _longest(texts: Iterable[str]) -> int:
    return max((cell_len(line) for text in texts for line in text.splitlines()), default=0) or 1


def _narrowed(widths: list[int], least: Sequence[int]) -> Generator[list[int]]:
    """Yield widths, the widest column narrower by one each time, until all are at their least."""
    yield widths
    while any(excess := [width if width > bound else 0 for width, bound in zip(widths, least, strict=True)]):
        widest = excess.index(max(excess))
        widths = [width - (place == widest) for place, width in enumerate(widths)]
        yield widths


def show(*parts: RenderableType) -> None:
    """Print tables and lines to stdout, without reading markup into plain text."""
    console = _console(sys.stdout)
    for part in parts:
        console.print(part, markup=False, crop=False)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object to stdout: a figure that is not finite as null, a path or a date as its text."""
    _console(sys.stdout).out(json.dumps(_finite(value), indent=2, ensure_ascii=False, default=str), highlight=False)


def _finite(value: Any) -> Any:
    """Return `value` without what JSON cannot say: the figures NaN and infinity."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in cast(Mapping[str, Any], value).items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in cast(Sequence[Any], value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _console(stream: Any) -> Console:
    """Return a console for the stream as it is now: tests and shells redirect it."""
    return Console(
        file=stream, highlight=False, soft_wrap=stream is sys.stderr, width=None if stream.isatty() else _WIDTH_UNSEEN
    )
