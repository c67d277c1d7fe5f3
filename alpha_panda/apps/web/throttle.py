"""Guessing made slow: who fails to sign in waits longer each time, and nobody else waits for it for ever.

Three things are counted. Failures of one name from one address, and failures from one address whatever the name, make
the next attempt there wait up to five minutes. Failures of one name from anywhere make it wait half a minute at most,
and not at all where that name has signed in from before: whoever guesses from elsewhere keeps no owner out.
"""

import collections
import dataclasses
from collections.abc import Callable, Hashable

from alpha_panda.apps.web.limits import network_of

FREE_FAILURES = 5
"""Failures after which the next attempt waits; a person mistypes as often."""

WAIT_S_MAX, NAME_WAIT_S_MAX = 300.0, 30.0
"""The longest wait at one address, and of one name at all others."""

_FREE_OF_ADDRESS = 20  # of several people behind one address
_FIRST_WAIT_S = 1.0
_FORGOTTEN_AFTER_S = 3_600.0
_KEPT_MAX = 10_000  # of counters, and of addresses that are known to be good: each some hundred bytes


@dataclasses.dataclass
class _Count:
    failures: int = 0
    last_s: float = 0.0
    open_from_s: float = 0.0


@dataclasses.dataclass(frozen=True)
class _Rule:
    """After how many failures an attempt waits, and how long at most."""

    free: int
    wait_s_max: float

    def wait_s(self, failures: int) -> float:
        beyond = failures - self.free
        return min(_FIRST_WAIT_S * 2.0 ** min(beyond, 30), self.wait_s_max) if beyond >= 0 else 0.0


_PAIR, _ADDRESS = _Rule(FREE_FAILURES, WAIT_S_MAX), _Rule(_FREE_OF_ADDRESS, WAIT_S_MAX)
_NAME = _Rule(2 * FREE_FAILURES, NAME_WAIT_S_MAX)


class Throttle:
    """Decides whether an attempt to sign in is looked at; `monotonic` is its only clock."""

    def __init__(self, monotonic: Callable[[], float], kept_max: int = _KEPT_MAX) -> None:
        self._monotonic = monotonic
        self._kept_max = kept_max
        self._counts: collections.OrderedDict[Hashable, _Count] = collections.OrderedDict()
        self._good: collections.OrderedDict[tuple[str, str], None] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def admit(self, name: str, address: str) -> float:
        """Return how many seconds an attempt must still wait; at 0 it may go on, and counts as failed until it has not.

        What is refused is not counted, so that the wait ends however many attempts are made meanwhile.
        """
        place = network_of(address)
        counted = self._counted(name, place)
        now_s = self._monotonic()
        wait_s = max(self._wait_s(key, now_s) for key in counted)
        if wait_s > 0.0:
            return wait_s
        for key, rule in {**counted, ("name", name): _NAME}.items():
            self._fail(key, rule, now_s)
        return 0.0

    def succeeded(self, name: str, address: str) -> None:
        """Note that the attempt admitted last was right; what others failed to guess from elsewhere stays counted."""
        place = network_of(address)
        self._counts.pop(("pair", name, place), None)
        for key in (("address", place), ("name", name)):
            count = self._counts.get(key)
            if count is not None:
                count.failures -= 1
                count.open_from_s = 0.0
        self._good[name, place] = None
        self._good.move_to_end((name, place))
        if len(self._good) > self._kept_max:
            self._good.popitem(last=False)

    def _counted(self, name: str, place: str) -> dict[tuple[str, ...], _Rule]:
        """Return what an attempt has to wait for: the name's failures elsewhere not where it is known."""
        here: dict[tuple[str, ...], _Rule] = {("pair", name, place): _PAIR, ("address", place): _ADDRESS}
        return here if (name, place) in self._good else {**here, ("name", name): _NAME}

    def _wait_s(self, key: Hashable, now_s: float) -> float:
        count = self._counts.get(key)
        return 0.0 if count is None else count.open_from_s - now_s

    def _fail(self, key: Hashable, rule: _Rule, now_s: float) -> None:
        count = self._counts.setdefault(key, _Count())
        self._counts.move_to_end(key)
        if now_s - count.last_s > _FORGOTTEN_AFTER_S:
            count.failures = 0
        count.failures += 1
        count.last_s = now_s
        count.open_from_s = now_s + rule.wait_s(count.failures)
        if len(self._counts) > self._kept_max:
            self._counts.popitem(last=False)
