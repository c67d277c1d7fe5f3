"""What an answer depends on, as hashes: two questions of the same content have the same answer, to the byte.

That is the package as it was loaded, the profile, whatever the strategies' functions reach, the instruments and every
byte of the events.
"""

import functools
import hashlib
import pathlib
import weakref
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from alpha_panda.backtest.inputs import Inputs
from alpha_panda.data.events import EventArray
from alpha_panda.kernels.jit import kernels_digest, sources_digest

_PIECE_BYTES = 1 << 22
_DIGESTS: dict[int, tuple[weakref.ref[EventArray], str]] = {}


def content_key(inputs: Inputs, *asked: object) -> str:
    """Return a hash of `inputs` and of what is asked of them; what is asked must read in full as its `repr`."""
    strategies = [
        (sources_digest({"step": strategy.step or strategy.step_all}), dict(strategy.parameters), strategy.state.descr)
        for strategy in inputs.strategies
    ]
    profile, universe = inputs.profile.model_dump_json(), inputs.universe.digest()
    return _digest([_package_digest(), profile, repr(strategies), universe, events_digest(inputs.events), repr(asked)])


def events_digest(events: EventArray) -> str:
    """Return a hash of every byte of an event array, which is taken anew each time unless it was taken to be kept."""
    return _DIGESTS[id(events)][1] if is_kept(events) else _events_digest(events)


def is_kept(events: EventArray) -> bool:
    """Say whether the hash of this very array was taken to be kept."""
    kept = _DIGESTS.get(id(events))
    return kept is not None and kept[0]() is events


def keep_digest(events: EventArray) -> None:
    """Take the hash of an array once for as long as it lives; whoever calls this promises that it never changes."""
    number = id(events)
    _DIGESTS[number] = weakref.ref(events, lambda _: _DIGESTS.pop(number, None)), _events_digest(events)


def _events_digest(events: EventArray) -> str:
    """Hash in pieces, on all processors: the hash of the hashes of the pieces."""
    octets = np.ascontiguousarray(events).view(np.uint8)
    pieces = [octets[start : start + _PIECE_BYTES] for start in range(0, len(octets), _PIECE_BYTES)]
    if len(pieces) < 2:
        return _digest(map(_piece_digest, pieces))
    with ThreadPoolExecutor() as pool:
        return _digest(pool.map(_piece_digest, pieces))


def _piece_digest(octets: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> str:
    return hashlib.sha256(octets.data).hexdigest()


@functools.cache
def _package_digest() -> str:
    """Return a hash of all sources and data of the package, once for each process: it runs what it loaded."""
    root = pathlib.Path(__file__).parents[1]
    paths = sorted(path for path in root.rglob("*") if path.suffix in (".py", ".toml"))
    return _digest([kernels_digest(), *(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)])


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
