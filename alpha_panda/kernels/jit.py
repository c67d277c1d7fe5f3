"""How kernels are compiled and cached, settled in one place.

Only *block kernels*, the few functions that Python calls, are compiled with a disk cache. Every other kernel is
compiled into them, so there is nothing else that could go stale. Numba stamps just the file of the function it
caches; an edited helper in another file would leave the old machine code in force. Here the cache directory is named
by a hash of every kernel source and of the compiler, and a block that is specialised for a strategy carries in its
qualified name a hash of everything the strategy's `step` reaches: its files, the helpers it calls, the constants it
reads. Without that name, strategy B would silently run strategy A's cached code.

`fastmath` stays off: the backtest, the sweep and live must agree to the byte.
"""

import hashlib
import os
import pathlib
import platform
import shutil
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import config as numba_config
from numba.core import types as numba_types
from numba.core.registry import CPUDispatcher
from numba.extending import intrinsic, overload

_KERNEL_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": False}
_INNER_OPTIONS: dict[str, Any] = {**_KERNEL_OPTIONS, "no_cfunc_wrapper": True}
_CACHES_KEPT = 8
_LIBRARIES = ("alpha_panda", "numba", "numpy")

Kernel = Callable[..., Any]

# Numba publishes its configuration without types.
_compiler_settings: Any = numba_config


def kernel(function: Kernel) -> Kernel:
    """Compile `function` when a block kernel first reaches it; it may read and write only its arguments."""
    return _compiled_once(numba.njit(**_INNER_OPTIONS)(function))


def inlined(function: Kernel) -> Kernel:
    """Compile `function` into each of its callers, which must be kernels."""
    only_inside = {"no_cpython_wrapper": True, "forceinline": True}
    return _compiled_once(numba.njit(**only_inside, **_INNER_OPTIONS)(function))


def _compiled_once(dispatcher: Any) -> Any:
    """Let a kernel take every integer as int64: numba would compile it anew for each literal and each width."""
    resolve = getattr(dispatcher, "get_call_template", None)
    if resolve is not None:
        dispatcher.get_call_template = lambda arguments, keywords: resolve(
            [_widened(argument) for argument in arguments], {name: _widened(value) for name, value in keywords.items()}
        )
    return dispatcher


def _widened(argument: Any) -> Any:
    plain = numba_types.unliteral(argument)
    return numba_types.int64 if isinstance(plain, numba_types.Integer) else plain


def borrow(array: Any) -> Any:
    """Return `array` without its reference count, for use inside a kernel whose caller keeps it alive.

    Passing a counted array from kernel to kernel costs two atomic operations each time, which dominate the small ones.
    """
    return array


def _borrowed(_typing: Any, array: Any) -> Any:
    def without_owner(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.return_type)(context, builder, arguments[0])
        view.meminfo = ir.Constant(view.meminfo.type, None)
        return view._getvalue()

    return array(array), without_owner


_borrow_intrinsic: Any = intrinsic(_borrowed)


@overload(borrow, strict=False)
def _borrow_compiled(array: Any) -> Any:
    return lambda array: _borrow_intrinsic(array)  # noqa: PLW0108  # an overload must be a Python function


def block_kernel(template: Kernel, **bound: Any) -> Kernel:
    """Compile `template` with the kernels and constants in `bound` as its globals; cache the machine code on disk.

    The same template bound to the same sources is compiled once per process. Where a bound kernel has no source file (a
    notebook cell) the code is compiled anew in each process instead of cached.
    """
    digest = sources_digest(bound) if bound else ""
    name = f"{template.__qualname__}__{digest}" if digest else template.__qualname__
    key = (template.__module__, name)
    if key not in _compiled:
        _compiled[key] = _compile(template, bound, name)
    return _compiled[key]


_compiled: dict[tuple[str, str], Kernel] = {}


def _compile(template: Kernel, bound: dict[str, Any], name: str) -> Kernel:
    code, defaults = python_function(template).__code__, python_function(template).__defaults__
    function = types.FunctionType(code, {**python_function(template).__globals__, **bound}, template.__name__, defaults)
    function.__module__, function.__qualname__ = template.__module__, name
    compiled = _compiled_once(numba.njit(**_KERNEL_OPTIONS)(function))
    if isinstance(compiled, CPUDispatcher) and all(_has_file(part) for part in bound.values()):
        _enable_cache(compiled)
    return compiled


def _enable_cache(compiled: CPUDispatcher) -> None:
    """Cache one dispatcher in our own directory, leaving numba's setting as it was for everyone else."""
    before = _compiler_settings.CACHE_DIR
    _compiler_settings.CACHE_DIR = str(cache_directory())
    try:
        compiled.enable_caching()
    finally:
        _compiler_settings.CACHE_DIR = before


def python_function(function: Any) -> Any:
    """Return the plain Python function behind a kernel, and anything else as it is."""
    return getattr(function, "py_func", function)


def cache_directory() -> pathlib.Path:
    """Return the directory of compiled block kernels for exactly these kernel sources and this compiler.

    It lies under `ALPHA_PANDA_CACHE`, else the user's cache folder. The caches of older sources are removed beyond the
    newest few, so that editing kernels does not fill the disk.
    """
    configured = os.environ.get("ALPHA_PANDA_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = pathlib.Path(configured or pathlib.Path.home() / ".cache") / "alpha-panda" / "kernels"
    directory = root / kernels_digest()
    if not directory.exists():
        directory.mkdir(parents=True, exist_ok=True)
        _prune(root)
    return directory


def _prune(root: pathlib.Path) -> None:
    by_age = sorted(root.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for stale in by_age[_CACHES_KEPT:]:
        shutil.rmtree(stale, ignore_errors=True)


def kernels_digest() -> str:
    """Return a short hash of every kernel source, the compiler and the processor: what compiled code depends on."""
    parts = [path.read_bytes() for path in sorted(pathlib.Path(__file__).parent.glob("*.py"))]
    versions = (numba.__version__, np.__version__, sys.version, platform.machine())
    return _digest([*parts, repr(versions).encode()])


def sources_digest(bound: dict[str, Any]) -> str:
    """Return a short hash of all that the bound kernels reach outside the library: files, helpers, constants."""
    seen: dict[str, bytes] = {}
    for name, value in bound.items():
        function = python_function(value)
        if isinstance(function, types.FunctionType):
            _reach(function, seen)
        else:
            seen[name] = repr(value).encode()
    return _digest([part for name in sorted(seen) for part in (name.encode(), seen[name])])


def _reach(function: types.FunctionType, seen: dict[str, bytes]) -> None:
    name = f"{function.__module__}.{function.__qualname__}:{function.__code__.co_firstlineno}"
    if name in seen:
        return
    defaults = repr((function.__defaults__, function.__kwdefaults__)).encode()
    seen[name] = _code_bytes(function.__code__) + defaults
    for used, value in _globals_used(function):
        _reach_value(f"{name}.{used}", value, seen)


def _reach_value(name: str, value: Any, seen: dict[str, bytes]) -> None:
    function = python_function(value)
    if isinstance(function, types.FunctionType):
        if not _is_library(function.__module__):
            _reach(function, seen)
    elif isinstance(value, types.ModuleType):
        if not _is_library(value.__name__) and value.__name__ not in seen:
            seen[value.__name__] = pathlib.Path(value.__file__).read_bytes() if value.__file__ else b""
            for inner_name, inner in vars(value).items():
                if isinstance(python_function(inner), types.FunctionType | types.ModuleType):
                    _reach_value(f"{value.__name__}.{inner_name}", inner, seen)
    else:
        seen[name] = value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()


def _globals_used(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the globals and closed-over values that `function` names, in the order of its code."""
    for name in _names_used(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents


def _names_used(code: types.CodeType) -> Iterator[str]:
    """Yield the names in a function's code and in the functions and comprehensions nested in it."""
    yield from code.co_names
    for item in code.co_consts:
        if isinstance(item, types.CodeType):
            yield from _names_used(item)


def _code_bytes(code: types.CodeType) -> bytes:
    """Return what a function does, as bytes: its instructions and constants, nested functions included."""
    constants = [
        _code_bytes(item) if isinstance(item, types.CodeType) else repr(item).encode() for item in code.co_consts
    ]
    return b"\0".join([code.co_code, repr(code.co_names).encode(), *constants])


def _is_library(module: str | None) -> bool:
    package = (module or "").split(".")[0]
    return package in _LIBRARIES or package in sys.stdlib_module_names


def _has_file(value: Any) -> bool:
    function = python_function(value)
    return not isinstance(function, types.FunctionType) or pathlib.Path(function.__code__.co_filename).is_file()


def _digest(parts: list[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()[:16]
