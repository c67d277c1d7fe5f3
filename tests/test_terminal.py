"""How commands end and what they print: the exit codes, one sentence on stderr, JSON that any reader takes."""

import io
import json
import sys

import pytest
from cyclopts import App

from alpha_panda import terminal
from alpha_panda.errors import CatalogError, ConfigurationError, ParityError

app = App(name="example")
raised = {
    "catalog": CatalogError("the catalog holds no [1m] data"),
    "configuration": ConfigurationError("there is no file"),
    "defect": ZeroDivisionError("division by zero"),
    "interrupted": KeyboardInterrupt(),
    "disk": OSError(28, "No space left on device"),
    "connection": ConnectionRefusedError(111, "Connection refused"),
    "file": PermissionError(13, "Permission denied", "data/bars"),
    "parity": ParityError("two runs differ"),
}


@app.command
def fail(kind: str) -> None:
    raise raised[kind]


@app.command
def answer(code: int = 0) -> int:
    return code


@pytest.mark.parametrize(("kind", "code"), [("configuration", 2), ("catalog", 4), ("parity", 8)])
def test_an_error_of_ours_is_its_sentence_and_its_exit_code(kind: str, code: int, capsys: pytest.CaptureFixture[str]):
    assert terminal.run(app, ["fail", kind]) == code
    assert capsys.readouterr() == ("", f"error: {raised[kind]}\n")


def test_bad_arguments_are_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]):
    assert terminal.run(app, ["answer", "--code", "many"]) == 2
    assert capsys.readouterr() == ("", 'error: Invalid value for --code: unable to convert "many" into int.\n')


def test_a_defect_asks_to_be_reported_and_shows_no_traceback(capsys: pytest.CaptureFixture[str]):
    assert terminal.run(app, ["fail", "defect"]) == 70
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "please report it: ZeroDivisionError: division by zero" in said


def test_a_defect_shows_its_traceback_to_who_asks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALPHA_PANDA_DEBUG", "1")
    assert terminal.run(app, ["fail", "defect"]) == 70
    assert "raise raised[kind]" in capsys.readouterr().err


def test_a_file_that_the_system_refuses_is_no_defect(capsys: pytest.CaptureFixture[str]):
    assert terminal.run(app, ["fail", "file"]) == 74
    said = "error: data/bars cannot be used: Permission denied; check the path, its rights, and the disk\n"
    assert capsys.readouterr() == ("", said)
    assert terminal.run(app, ["fail", "disk"]) == 74
    assert "a file cannot be used: No space left on device" in capsys.readouterr().err
    assert terminal.run(app, ["fail", "connection"]) == 70


def test_an_interrupt_ends_quietly_with_the_code_of_a_shell(capsys: pytest.CaptureFixture[str]):
    assert terminal.run(app, ["fail", "interrupted"]) == 130
    assert capsys.readouterr() == ("", "")


def test_the_exit_code_is_what_the_command_returns():
    assert terminal.run(app, ["answer"]) == 0
    assert terminal.run(app, ["answer", "3"]) == 3


def test_json_says_null_for_figures_that_are_not_finite(capsys: pytest.CaptureFixture[str]):
    terminal.print_json({"sharpe": float("nan"), "parts": [1.5, {"ratio": float("inf")}], "name": "₹"})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"sharpe": None, "parts": [1.5, {"ratio": None}], "name": "₹"}


def test_a_table_shows_brackets_as_they_are(capsys: pytest.CaptureFixture[str]):
    terminal.show(terminal.table("Files", ["name", "rows>"], [["[bold]", "12"]]), "[red] line")
    printed = capsys.readouterr().out
    assert "[bold]" in printed
    assert "[red] line" in printed


def test_a_table_fills_the_screen_and_no_more(capsys: pytest.CaptureFixture[str]):
    columns = [f"{letter * 3} of it>" for letter in "abcdefghij"]
    wide = terminal.table("Wide", columns, [["1,234,567"] * 10])
    with pytest.MonkeyPatch.context() as patch:
        for width in range(101, 140):  # ten numbers of nine characters, nine blanks between and two around them
            patch.setattr(terminal, "_WIDTH_UNSEEN", width)
            terminal.show(wide)
            lines = capsys.readouterr().out.splitlines()
            assert max(map(len, lines)) <= width
            assert lines[-2].split() == ["1,234,567"] * 10


@pytest.mark.parametrize("width", [30, 60, 100])
def test_a_narrow_screen_cuts_no_number_and_loses_no_word(width: int, capsys: pytest.CaptureFixture[str]):
    numbers = ["₹1,02,57,708.11", "−17.66 %", "1,685,936,760,000,000,000", "25,424.65"]
    words = "ends early and lacks three sessions of the month in which everything happened"
    columns = ["symbol", "equity>", "return>", "time>", "price of it>", "verdict"]
    rows = [["NFO:NIFTY26FEB25000CE", *numbers, words]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terminal, "_WIDTH_UNSEEN", width)
        terminal.show(terminal.table("Wide", columns, rows))
    printed = capsys.readouterr().out
    assert "…" not in printed
    for whole in ("NFO:NIFTY26FEB25000CE", *numbers, *words.split()):
        assert whole in printed


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_on_a_terminal_and_nowhere_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    with terminal.progress("sweep") as tell:
        tell(1, 4)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    with terminal.progress("sweep") as tell:
        tell(1, 4, "block 1")
    assert "block 1" in screen.getvalue()
    monkeypatch.setattr(sys, "stderr", silent := Screen())
    with terminal.progress("sweep", shown=False) as tell:
        tell(1, 4)
    assert silent.getvalue() == ""
