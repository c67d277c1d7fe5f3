"""Loading strategies by name and path, checking their parameters, and refusing what is no strategy."""

import pathlib
import re
import types
from typing import Any

import numpy as np
import pytest

from alpha_panda.backtest.signals import from_strategy
from alpha_panda.errors import ConfigurationError, StrategyError
from alpha_panda.kernels import kernel
from alpha_panda.kernels.records import Parameter, record
from alpha_panda.strategy import load_strategy, strategy_from
from tests.backtest.framed import minutes

STRATEGIES = pathlib.Path(__file__).parents[1] / "strategies"

SOURCE = '''"""Hold a share for as long as it is above a level.

More about that.
"""

from alpha_panda.kernels import Parameter, kernel, record

PARAMETERS = {"length": Parameter(20, 2, 512), "level": Parameter(0.5, 0.0, 1.0)}
STATE = record(("seen", "i8"))


@kernel
def step(state, params, bar):
    return 1.0
'''


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a folder with one strategy, `level`."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "level.py").write_text(SOURCE)
    return folder


# ── Loading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_strategy_is_found_by_name_and_by_path(folder: pathlib.Path):
    for strategy in (load_strategy("level", [folder]), load_strategy(folder / "level.py")):
        assert (strategy.name, strategy.summary) == ("level", "Hold a share for as long as it is above a level.")
        assert strategy.parameters == {"length": Parameter(20, 2, 512), "level": Parameter(0.5, 0.0, 1.0)}
        assert strategy.state == record(("seen", "i8"))
        assert strategy.step is not None
        assert strategy.step_all is None


def test_the_first_folder_that_has_the_name_wins(folder: pathlib.Path, tmp_path: pathlib.Path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "level.py").write_text(SOURCE.replace("Hold a share", "Sell a share"))
    assert load_strategy("level", [other, folder]).summary.startswith("Sell")


def test_the_folder_of_strategies_here_is_looked_at_last(monkeypatch: pytest.MonkeyPatch, folder: pathlib.Path):
    monkeypatch.chdir(STRATEGIES.parent)
    assert load_strategy("momentum", [folder]).name == "momentum"


@pytest.mark.parametrize("path", sorted(STRATEGIES.glob("*.py")), ids=lambda path: path.stem)
def test_every_strategy_of_the_project_loads_and_says_what_it_does(path: pathlib.Path):
    strategy = load_strategy(path)
    assert strategy.summary.endswith(".")
    assert strategy.parameter_record({}).dtype == strategy.parameter_dtype
    assert (strategy.step is None) != (strategy.step_all is None)


def test_two_files_of_one_name_are_two_strategies(folder: pathlib.Path, tmp_path: pathlib.Path):
    other = tmp_path / "level.py"
    other.write_text(SOURCE)
    one, two = load_strategy(folder / "level.py"), load_strategy(other)
    assert one.step.__module__ != two.step.__module__


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("levle", r"there is no strategy 'levle' \(did you mean 'level'\?\); there are: .*level"),
        ("nothing_like_it", r"there is no strategy 'nothing_like_it'; there are: .*level"),
        ("elsewhere/level.py", r"there is no strategy file elsewhere/level.py"),
    ],
)
def test_a_missing_strategy_is_refused_with_what_there_is(
    name: str, sentence: str, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(folder)
    with pytest.raises(StrategyError, match=sentence):
        load_strategy(name, [folder])


def test_a_missing_folder_is_named(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StrategyError, match=r"there is no strategy 'level'; there are: no strategy file in .*nowhere"):
        load_strategy("level", [tmp_path / "nowhere"])


# ── Malformed files ──────────────────────────────────────────────────────────────────────────────────────────────────

MALFORMED = {
    "a syntax error": (SOURCE.replace("return 1.0", "return ="), r"level.py failed while loading: SyntaxError"),
    "an import that fails": ("import nowhere\n" + SOURCE, r"level.py failed while loading: ModuleNotFoundError"),
    "code that raises": (SOURCE + "\n1 / 0\n", r"level.py failed while loading: ZeroDivisionError"),
    "no step": (SOURCE.replace("def step", "def stop"), r"level.py must define exactly one of step"),
    "both steps": (
        SOURCE + "\n\n@kernel\ndef step_all(states, params, bars, targets):\n    pass\n",
        r"level.py must define exactly one of step",
    ),
    "a step of two arguments": (
        SOURCE.replace("state, params, bar", "state, bar"),
        r"level.py: step must take 3 arguments",
    ),
    "a step that is no function": (SOURCE + "\nstep = 3\n", r"level.py: 3 must take 3 arguments"),
    "a ranking of three arguments": (
        SOURCE.replace("def step", "def step_all"),
        r"level.py: step_all must take 4 arguments",
    ),
    "no state": (SOURCE.replace("STATE =", "STATES ="), r"level.py must define STATE = record"),
    "a state that is no record": (
        SOURCE.replace('record(("seen", "i8"))', "{}"),
        r"level.py must define STATE = record",
    ),
    "a parameter without a range": (
        SOURCE.replace("Parameter(20, 2, 512)", "20"),
        r"level.py: parameter 'length' must be a Parameter\(default, low, high\)",
    ),
    "a step that nobody compiles": (
        SOURCE.replace("@kernel\n", ""),
        r"level.py: step must be a kernel: write @kernel above it",
    ),
    "a list of parameters": (
        SOURCE.replace("PARAMETERS = ", "PARAMETERS = [] #"),
        r"level.py must define PARAMETERS = \{name: Parameter\(default, low, high\)\}",
    ),
    "a parameter without a word": (
        SOURCE.replace('"length"', '"the length"'),
        r"level.py: a parameter is named by a word that `params` can have, not by 'the length'",
    ),
    "a parameter named by a number": (
        SOURCE.replace('"length"', "3"),
        r"level.py: a parameter is named by a word that `params` can have, not by 3",
    ),
    "a range of mixed numbers": (
        SOURCE.replace("Parameter(20, 2, 512)", "Parameter(20, 2.0, 512)"),
        r"level.py: the default and the range of parameter 'length' must be three whole .*, not 20, 2.0, 512",
    ),
    "a range of text": (
        SOURCE.replace("Parameter(20, 2, 512)", "Parameter(20, '2', '512')"),
        r"level.py: the default and the range of parameter 'length' must be three whole .*, not 20, '2', '512'",
    ),
    "a range of truths": (
        SOURCE.replace("Parameter(20, 2, 512)", "Parameter(True, False, True)"),
        r"level.py: the default and the range of parameter 'length' must be three whole",
    ),
    "a range without end": (
        SOURCE.replace("Parameter(0.5, 0.0, 1.0)", "Parameter(0.5, 0.0, float('inf'))"),
        r"level.py: the default and the range of parameter 'level' must be three whole .*, not 0.5, 0.0, inf",
    ),
    "a default out of range": (
        SOURCE.replace("Parameter(20, 2, 512)", "Parameter(1, 2, 512)"),
        r"level.py: the default of parameter 'length' lies outside \[low, high\]",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_file_that_is_no_strategy_is_refused_in_one_sentence(name: str, folder: pathlib.Path):
    source, sentence = MALFORMED[name]
    (folder / "level.py").write_text(source)
    with pytest.raises(StrategyError) as refused:
        load_strategy("level", [folder])
    message = str(refused.value)
    assert re.search(sentence, message), message
    assert str(folder) in message


def test_an_object_with_the_attributes_of_a_file_is_a_strategy():
    @kernel
    def step(state: Any, params: Any, bar: Any) -> float:
        return 0.0

    strategy = strategy_from(types.SimpleNamespace(step=step, STATE=record(("seen", "i8"))), "from a cell")
    assert (strategy.name, strategy.step, dict(strategy.parameters)) == ("from a cell", step, {})
    # A record needs a field, so parameters that are not there have one too.
    assert strategy.parameter_record({}).shape == (1,)


# ── Parameters ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_parameters_are_the_defaults_except_for_what_is_given(folder: pathlib.Path):
    strategy = load_strategy("level", [folder])
    row = strategy.parameter_record({"length": 30})
    assert (row["length"].item(), row["level"].item()) == (30, 0.5)
    assert (row.dtype["length"], row.dtype["level"]) == (np.dtype("i8"), np.dtype("f8"))
    assert strategy.parameter_record({"level": 1})["level"].item() == 1.0
    assert [strategy.parameter_record({"length": value})["length"].item() for value in (2, 512)] == [2, 512]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"lenght": 3}, r"strategy level has no parameter 'lenght' \(did you mean 'length'\?\); it has: length, level"),
        ({"colour": 3}, r"strategy level has no parameter 'colour'; it has: length, level"),
        ({"length": 3.0}, "parameter 'length' of strategy level must be a whole number, not 3.0"),
        ({"length": True}, "parameter 'length' of strategy level must be a whole number, not True"),
        ({"length": "3"}, "parameter 'length' of strategy level must be a whole number, not '3'"),
        ({"level": "high"}, "parameter 'level' of strategy level must be a number, not 'high'"),
        ({"level": False}, "parameter 'level' of strategy level must be a number, not False"),
        ({"length": 1}, r"parameter 'length' of strategy level is 1: it must lie in \[2, 512\]"),
        ({"length": 513}, r"parameter 'length' of strategy level is 513: it must lie in \[2, 512\]"),
        ({"level": 1.001}, r"parameter 'level' of strategy level is 1.001: it must lie in \[0.0, 1.0\]"),
        ({"level": float("nan")}, r"parameter 'level' of strategy level is nan: it must lie in"),
        ({"level": float("inf")}, r"parameter 'level' of strategy level is inf: it must lie in"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_by_name(values: dict[str, Any], sentence: str, folder: pathlib.Path):
    with pytest.raises(ConfigurationError, match=sentence):
        load_strategy("level", [folder]).parameter_record(values)


def test_a_strategy_without_parameters_says_so(folder: pathlib.Path):
    (folder / "level.py").write_text(re.sub(r"PARAMETERS = .*\n", "", SOURCE))
    with pytest.raises(ConfigurationError, match="has no parameter 'length'; it has: none"):
        load_strategy("level", [folder]).parameter_record({"length": 3})


# ── Strategies that fail at work ─────────────────────────────────────────────────────────────────────────────────────

FAILING = {
    "return state.sene": r"strategy level reads 'sene', which neither its STATE, its PARAMETERS nor a bar has",
    "return params.lenght": r"strategy level reads 'lenght', which neither",
    "return foo(3)": r"strategy level does not compile: NameError: name 'foo' is not defined",
    "return open('a').read()": r"strategy level does not compile: Untyped global name 'open': .* \(level.py, line 14\)",
    "return 'long'": r"strategy level does not compile: step returns unicode_type where a number is wanted",
    "seen = 1": r"strategy level does not compile: step returns none where a number is wanted",
    "return float(f'{bar.close_e4:.2f}')": r"strategy level does not compile: format spec in f-strings not supported",
    "assert bar.close_e4 < 0\n    return 1.0": r"strategy level raised AssertionError$",
    "if bar.close_e4 > 0: raise ValueError('no price')\n    return 1.0": r"strategy level raised ValueError: no price$",
    "return 1.0 / 0.0": r"strategy level returned a target outside \[-1, 1\]",
    "return -1.5": r"strategy level returned a target outside \[-1, 1\]",
}


@pytest.mark.parametrize("body", FAILING)
def test_a_strategy_that_fails_at_work_is_named_in_one_sentence(body: str, folder: pathlib.Path):
    (folder / "level.py").write_text(SOURCE.replace("return 1.0", body))
    with pytest.raises(StrategyError, match=FAILING[body]) as refused:
        from_strategy(minutes([100, 101]), folder / "level.py")
    assert "\n" not in str(refused.value)


def test_a_strategy_that_never_knows_holds_nothing(folder: pathlib.Path):
    (folder / "level.py").write_text(SOURCE.replace("return 1.0", "return float('nan')"))
    assert from_strategy(minutes([100, 101]), folder / "level.py").summary["signals"] == 0
