"""The chunks of a sweep as tasks on a Ray cluster: the same kernels, so the same bytes, on as many machines.

The events go into the object store once, each task takes some combinations with it and brings their figures back. The
address of a cluster is the argument's, else that of RAY_ADDRESS; without either a cluster of this machine is started
and stopped again, without dashboard and usage statistics. Where this process is already in a cluster, it stays there.

A strategy travels as what its functions are, with the kernels and constants that they use, whether it comes from a
file or from a notebook. A worker finds its machine code in the kernel cache where the strategy's file is at the same
place; else it compiles once, about half a minute. The machines of a cluster need Alpha Panda installed, in the same
version as here.
"""

import contextlib
import dataclasses
import importlib.util
import io
import itertools
import os
import pickle
import pkgutil
import socket
import sys
import types
from collections.abc import Generator, Sequence
from typing import Any, cast

import numpy as np
import polars as pl
from numba.core.registry import CPUDispatcher

from alpha_panda.backtest.chunks import Figures, Shared
from alpha_panda.backtest.inputs import Inputs
from alpha_panda.errors import AlphaPandaError, ConfigurationError, KernelError
from alpha_panda.kernels.jit import inlined, kernel

_STORE_BYTES_MIN = 128 << 20  # of a cluster started here, to which the events are added twice
_TASKS_EACH = 2  # under way for each processor, so that none waits for the next


def on_ray(
    shared: Shared, chunks: Sequence[range], workers: int, address: str | None = None
) -> Generator[tuple[range, Figures]]:
    """Yield the figures of each chunk as soon as they are there; when closed, send no more.

    A cluster that is started here has `workers` processors and ends at once, another one uses all that it has and ends
    the chunks under way: Ray's own `cancel` may abort this process when it meets a task that is just done. Raises
    ConfigurationError where Ray is not installed or the cluster cannot be reached, KernelError where it failed.
    """
    ray = _imported()
    with _cluster(ray, workers, address, shared.inputs.events.nbytes):
        task = ray.remote(num_cpus=1, max_retries=3)(_figures)
        events = ray.put(np.ascontiguousarray(shared.inputs.events))
        sealed = ray.put(_sealed(shared.inputs))
        ahead = _TASKS_EACH * max(int(ray.cluster_resources().get("CPU", 1)), 1)
        waiting, running = iter(chunks), dict[Any, range]()
        while True:
            for numbers in itertools.islice(waiting, ahead - len(running)):
                chosen = shared.combinations[numbers.start : numbers.stop]
                running[task.remote(sealed, events, chosen, shared.block)] = numbers
            if not running:
                return
            (ready, *_), _ = ray.wait(list(running))
            yield running.pop(ready), _got(ray, ready)


def _imported() -> Any:
    # Ray asks before it sends usage statistics only where it believes in a person; here nobody is asked.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise ConfigurationError(
            "engine='ray' needs Ray, which is not installed: pip install 'alpha-panda[cluster]', or use the threads"
        ) from None
    return ray


@contextlib.contextmanager
def _cluster(ray: Any, workers: int, address: str | None, events_bytes: int) -> Generator[None]:
    """Be in a cluster: the one that this process is in, the one at the address, or one of this machine, for a while."""
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS")
    here: dict[str, Any] = {
        "num_cpus": workers,
        "include_dashboard": False,
        "object_store_memory": _STORE_BYTES_MIN + 2 * events_bytes,
    }
    try:
        _knock(address)
        ray.init(address or "local", logging_level="ERROR", log_to_driver=False, **({} if address else here))
    except (OSError, RuntimeError, ValueError) as error:
        where = f"the Ray cluster at {address} cannot be reached" if address else "no Ray cluster can be started here"
        raise ConfigurationError(f"{where}: {str(error).strip().splitlines()[0]}") from None
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """Raise OSError where nobody listens at `host:port`: Ray itself would go on asking for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=5.0).close()


def _got(ray: Any, reference: Any) -> Figures:
    """Return what a task made; what it raised is raised as it was there."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, AlphaPandaError):
            raise error.cause from None
        raise KernelError(f"a task on the Ray cluster failed: {type(error.cause).__name__}: {error.cause}") from error
    except ray.exceptions.RayError as error:
        raise KernelError(f"the Ray cluster failed: {type(error).__name__}: {error}") from error


# ── On a worker ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _figures(sealed: bytes, events: Any, combinations: pl.DataFrame, block: int) -> Figures:
    """Return the figures of some combinations; runs in a process of the cluster."""
    inputs: Inputs = pickle.loads(sealed)
    # The object store lends its memory for reading only, and kernels are compiled for arrays of one's own.
    inputs = dataclasses.replace(inputs, events=events.copy())
    return Shared.of(inputs, combinations, block).figures(range(len(combinations)))


# ── Strategies on their way ──────────────────────────────────────────────────────────────────────────────────────────


def _sealed(inputs: Inputs) -> bytes:
    """Return the inputs but for their events, as bytes that another process can read."""
    import ray.cloudpickle

    pickler: Any = cast(Any, ray.cloudpickle).CloudPickler

    class WithKernels(pickler):
        """Sends kernels as `_reduced` says, and all else as Ray does."""

        def reducer_override(self, part: Any) -> Any:
            return _reduced(part) if isinstance(part, CPUDispatcher) else pickler.reducer_override(self, part)

    buffer = io.BytesIO()
    WithKernels(buffer).dump(dataclasses.replace(inputs, events=inputs.events[:0]))
    return buffer.getvalue()


def _reduced(dispatcher: Any) -> tuple[Any, tuple[Any, ...]]:
    """Say how a kernel is made again: one of the library is found by its name, another is compiled from its function.

    Numba would send a kernel too, but as one that is compiled anew for every width of its integers.
    """
    function, home = dispatcher.py_func, sys.modules.get(dispatcher.py_func.__module__)
    of_library = function.__module__.partition(".")[0] == "alpha_panda"
    if of_library and getattr(home, function.__qualname__, None) is dispatcher:
        return pkgutil.resolve_name, (f"{function.__module__}:{function.__qualname__}",)
    return _kernel_of, (function, bool(dispatcher.targetoptions.get("forceinline")))


def _kernel_of(function: Any, inline: bool) -> Any:
    """Return a function that was sent as the kernel that it was."""
    name = function.__module__
    # Cached machine code wants the module of its function to be there, of which it reads nothing.
    if name not in sys.modules and importlib.util.find_spec(name) is None:
        sys.modules[name] = types.ModuleType(name)
    return inlined(function) if inline else kernel(function)
