"""A look at the sources of a strategy or a signal for what no other future can show: prices written into the code.

A compiled strategy takes the arrays and constants of its module as they are when it is compiled. A table of recorded
prices answers the same whatever the future is, so it passes every trial; what can be said is that it is there.
"""

import datetime
import functools
import types
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import polars as pl

from alpha_panda.backtest.causality.report import Finding
from alpha_panda.kernels.jit import python_function
from alpha_panda.units import ist_datetime, ist_time_ns

NUMBERS_MAX = 32
"""Numbers that one constant may hold: enough for the weights of a filter, too few for a history."""

_FIRST_NS, _LAST_NS = (ist_time_ns(datetime.date(year, 1, 1)) for year in (1990, 2050))
_OURS = ("alpha_panda", "numpy", "numba", "polars", "scipy", "math")


def written_in(*functions: Any) -> list[Finding]:
    """Return what the functions, and those that they call, have written into them that could be the future."""
    found: dict[str, Finding] = {}
    for function in functions:
        for name, value in _reached(python_function(function), set()):
            for cause in _suspicion(name, value):
                found.setdefault(cause, Finding(cause))
    return list(found.values())


def _suspicion(name: str, value: Any) -> Iterator[str]:
    numbers = count_numbers(value)
    if numbers > NUMBERS_MAX:
        yield (
            f"{name} holds {numbers:,} numbers, which no trial can tell from recorded prices: compute them from the "
            "bars, or make them parameters"
        )
    instants = [item for item in _whole_numbers(value) if _FIRST_NS <= item <= _LAST_NS]
    if instants:
        yield (
            f"{name} names the instant {ist_datetime(instants[0]):%Y-%m-%d %H:%M} IST, and who knows a date knows what "
            "happened then: make it a parameter"
        )


def count_numbers(value: Any) -> int:
    """Return how many numbers a constant holds, in whatever containers."""
    if isinstance(value, np.ndarray | pl.Series):
        return len(value) if isinstance(value, pl.Series) else cast(Any, value).size
    if isinstance(value, pl.DataFrame):
        return value.width * value.height
    if isinstance(value, bytes | bytearray):
        return len(value)
    if isinstance(value, Mapping):
        mapping = cast(Mapping[Any, Any], value)
        return sum(count_numbers(item) for pair in mapping.items() for item in pair)
    if isinstance(value, tuple | list | set | frozenset):
        return sum(count_numbers(item) for item in cast(list[Any], value))
    return int(isinstance(value, int | float | np.number))


def _whole_numbers(value: Any) -> Iterator[int]:
    """Yield the whole numbers of a constant that is small enough to be looked through."""
    if isinstance(value, np.ndarray) and value.size <= NUMBERS_MAX and value.dtype.kind in "iu":
        yield from cast(list[int], value.ravel().tolist())
    elif isinstance(value, tuple | list):
        for item in cast(list[Any], value):
            yield from _whole_numbers(item)
    elif isinstance(value, int | np.integer):
        yield int(cast(Any, value))


def _reached(function: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield the constants of a function and of all that it calls outside the libraries, each with its name."""
    function = inner_function(function)
    if not isinstance(function, types.FunctionType) or id(function) in seen or _is_library(function.__module__):
        return
    seen.add(id(function))
    name = function.__qualname__
    yield from ((f"the code of {name}", constant) for constant in _constants(function.__code__))
    for used, value in _names(function):
        if isinstance(value, types.ModuleType):
            if not _is_library(value.__name__):
                used_of = {item: vars(value)[item] for item in _used(function.__code__) if item in vars(value)}
                for inner, held in used_of.items():
                    yield f"{used}.{inner}", held
                    yield from _reached(python_function(held), seen)
        else:
            yield used, value
            yield from _reached(python_function(value), seen)


def inner_function(function: Any) -> Any:
    """Return what a partial or a decorated function calls."""
    while True:
        if isinstance(function, functools.partial):
            function = cast(Any, function).func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function


def _names(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the globals, closed-over values and defaults that a function can read."""
    for name in _used(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents
    yield f"the defaults of {function.__qualname__}", function.__defaults__ or ()


def _used(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for item in code.co_consts:
        if isinstance(item, types.CodeType):
            yield from _used(item)


def _constants(code: types.CodeType) -> Iterator[Any]:
    for item in code.co_consts:
        if isinstance(item, types.CodeType):
            yield from _constants(item)
        else:
            yield item


def _is_library(module: str | None) -> bool:
    return (module or "").split(".")[0] in _OURS
