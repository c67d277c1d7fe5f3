"""What a strategy is, and loading one from its file by name or by path.

A strategy file defines `PARAMETERS` (name to Parameter), `STATE` (a record dtype, zeros at the start) and one of
`step(state, params, bar)`, which returns a target exposure, or `step_all(states, params, bars, targets)`.
"""

import dataclasses
import difflib
import hashlib
import importlib.util
import inspect
import math
import pathlib
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from alpha_panda.errors import AlphaPandaError, ConfigurationError, StrategyError
from alpha_panda.kernels.jit import Kernel, kernel, python_function
from alpha_panda.kernels.records import Parameter, Records, record

Value = int | float

_KERNEL_TYPE: Any = type(kernel(lambda: None))
"""What `@kernel` makes of a function: itself where the compiler is switched off."""


@dataclasses.dataclass(frozen=True)
class Strategy:
    """A strategy as loaded: exactly one of `step` and `step_all` is set."""

    name: str
    parameters: Mapping[str, Parameter]
    state: np.dtype[Any]
    step: Kernel | None
    step_all: Kernel | None
    summary: str

    @property
    def parameter_dtype(self) -> np.dtype[np.void]:
        """The record of this strategy's parameters, one field each."""
        # A record needs a field, so a strategy without parameters gets one that nobody reads.
        fields = [(name, "i8" if type(p.default) is int else "f8") for name, p in self.parameters.items()]
        return record(*(fields or [("none", "i8")]))

    def parameter_record(self, values: Mapping[str, Value]) -> Records:
        """Return a one-row array of the parameters, the defaults where `values` is silent.

        Raises ConfigurationError for a name that the strategy does not have, a wrong type or a value out of range.
        """
        row = np.zeros(1, self.parameter_dtype)
        for name, parameter in self.parameters.items():
            row[name] = parameter.default
        for name, value in values.items():
            row[name] = self._checked(name, value)
        return row

    def _checked(self, name: str, value: Any) -> Value:
        parameter = self.parameters.get(name)
        if parameter is None:
            known = ", ".join(self.parameters) or "none"
            raise ConfigurationError(
                f"strategy {self.name} has no parameter {name!r}{did_you_mean(name, self.parameters)}; it has: {known}"
            )
        wanted = type(parameter.default)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole or (wanted is float and isinstance(value, float))):
            kind = "a whole number" if wanted is int else "a number"
            raise ConfigurationError(f"parameter {name!r} of strategy {self.name} must be {kind}, not {value!r}")
        if not (math.isfinite(value) and parameter.low <= value <= parameter.high):
            raise ConfigurationError(
                f"parameter {name!r} of strategy {self.name} is {value}: it must lie in "
                f"[{parameter.low}, {parameter.high}]"
            )
        return wanted(value)


def did_you_mean(name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """Return `; did you mean ...?` for the nearest known name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def load_strategy(name_or_path: str | pathlib.Path, folders: Sequence[pathlib.Path] = ()) -> Strategy:
    """Load a strategy by name, looked up in `folders` and in ./strategies, or by the path of its file.

    Raises StrategyError when there is no such file, or when it does not define what a strategy must.
    """
    path = _find(str(name_or_path), [*folders, pathlib.Path("strategies")])
    return _checked_strategy(_load_module(path), path.stem, str(path))


def strategy_from(module: Any, name: str) -> Strategy:
    """Return the strategy that an object with the attributes of a strategy file defines, for a notebook's own."""
    return _checked_strategy(module, name, name)


def _find(name: str, folders: Sequence[pathlib.Path]) -> pathlib.Path:
    if name.endswith(".py"):
        path = pathlib.Path(name)
        if path.is_file():
            return path.resolve()
        raise StrategyError(f"there is no strategy file {name}")
    for folder in folders:
        path = folder / f"{name}.py"
        if path.is_file():
            return path.resolve()
    known = sorted({path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.py")})
    listed = ", ".join(known) or f"no strategy file in {', '.join(str(folder) for folder in folders)}"
    raise StrategyError(f"there is no strategy {name!r}{did_you_mean(name, known)}; there are: {listed}")


def _load_module(path: pathlib.Path) -> Any:
    """Execute a strategy file as a module of its own name, so that its functions can be found again by it."""
    name = f"alpha_panda_strategy_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except AlphaPandaError:
        raise
    except (Exception, SystemExit) as error:  # a file that ends the process must not end ours
        del sys.modules[name]
        raise StrategyError(f"{path} failed while loading: {type(error).__name__}: {error}") from error
    return module


def _checked_strategy(module: Any, name: str, where: str) -> Strategy:
    step, step_all = getattr(module, "step", None), getattr(module, "step_all", None)
    if (step is None) == (step_all is None):
        raise StrategyError(f"{where} must define exactly one of step(state, params, bar) and step_all(...)")
    _check_arguments(where, step or step_all, 3 if step is not None else 4)
    parameters: Any = getattr(module, "PARAMETERS", {})
    if not isinstance(parameters, Mapping):
        raise StrategyError(f"{where} must define PARAMETERS = {{name: Parameter(default, low, high)}}")
    state: Any = getattr(module, "STATE", None)
    if not isinstance(state, np.dtype) or cast(np.dtype[Any], state).names is None:
        raise StrategyError(f"{where} must define STATE = record(...), the fields that step keeps between bars")
    parameters = dict(cast(Mapping[Any, Any], parameters))
    for parameter_name, parameter in parameters.items():
        _check_parameter(where, parameter_name, parameter)
    summary = (module.__doc__ or "").strip().partition("\n")[0]
    return Strategy(name, parameters, cast(np.dtype[Any], state), step, step_all, summary)


def _check_arguments(where: str, function: Any, wanted: int) -> None:
    plain = python_function(function)
    if not callable(plain) or len(inspect.signature(plain).parameters) != wanted:
        raise StrategyError(f"{where}: {getattr(plain, '__name__', plain)} must take {wanted} arguments")
    if not isinstance(function, _KERNEL_TYPE):
        raise StrategyError(f"{where}: {plain.__name__} must be a kernel: write @kernel above it")


def _check_parameter(where: str, name: Any, parameter: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise StrategyError(f"{where}: a parameter is named by a word that `params` can have, not by {name!r}")
    if not isinstance(parameter, Parameter):
        raise StrategyError(f"{where}: parameter {name!r} must be a Parameter(default, low, high)")
    kinds = {type(value) for value in parameter}
    if kinds not in ({int}, {float}) or not all(map(math.isfinite, parameter)):
        raise StrategyError(
            f"{where}: the default and the range of parameter {name!r} must be three whole numbers, "
            f"or three with a decimal point, not {', '.join(map(repr, parameter))}"
        )
    if not parameter.low <= parameter.default <= parameter.high:
        raise StrategyError(f"{where}: the default of parameter {name!r} lies outside [low, high]")


# ── A strategy that fails at work ────────────────────────────────────────────────────────────────────────────────────

_NOT_A_NUMBER = re.compile(r"isnan\((.+)\)$", re.MULTILINE)
_PLACE = re.compile(r'File "(?:[^"]*[/\\])?([^"/\\]+)", line (\d+)')


def misbehaviour(name: str, error: Exception) -> StrategyError:
    """Return what an exception from a strategy's block means: its code cannot be compiled, or raised something."""
    if isinstance(error, KeyError):  # the compiler's word for a field that a record does not have
        return StrategyError(
            f"strategy {name} reads {error.args[0]!r}, which neither its STATE, its PARAMETERS nor a bar has"
        )
    if type(error).__module__.partition(".")[0] == "numba":
        return StrategyError(f"strategy {name} does not compile: {_reason(str(error))}")
    said = f": {str(error).splitlines()[0]}" if str(error) else ""
    return StrategyError(f"strategy {name} raised {type(error).__name__}{said}")


def _reason(report: str) -> str:
    """Return what the compiler minds, and where, from a report of many lines."""
    returned = _NOT_A_NUMBER.search(report)
    if returned is not None:
        return f"step returns {returned[1]} where a number is wanted"
    lines = (line.strip() for line in report.splitlines())
    reason = next((line for line in lines if line and not line.startswith("Failed in")), "for no reason given")
    place = _PLACE.search(report)
    if place is None or place[1] == "replay.py":  # the block into which the step is compiled
        return reason
    return f"{reason} ({place[1]}, line {place[2]})"
