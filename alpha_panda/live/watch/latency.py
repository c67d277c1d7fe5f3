"""How long the stages of a process take, from when a tick came to stand on the log to what followed from it."""

import collections
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from alpha_panda.live.envelope import Envelope
from alpha_panda.live.observer import ACCOUNT, SIGNALS, Inputs, Observer
from alpha_panda.units import SECOND_NS

KEPT = 2_048
"""How many of the latest of each are looked at."""

_MEASURED = {
    "trading_signal": "tick_to_signal_seconds",
    "validated_signal": "tick_to_decision_seconds",
    "rejected_signal": "tick_to_decision_seconds",
    "order_placed": "tick_to_order_seconds",
}


def latencies(messages: Sequence[Envelope], inputs: Inputs, now_ns: int) -> Iterator[tuple[str, float]]:
    """Yield what is measured of the messages of one step that ends at `now_ns`, each with its seconds.

    A clock that was set back, or another machine's that is ahead, measures nothing.
    """
    for message in messages:
        name = _MEASURED.get(message.type)
        appended_ns = inputs.appended_ns.get(message.correlation_id) if name else None
        if name and appended_ns and appended_ns <= now_ns:
            yield name, (now_ns - appended_ns) / SECOND_NS


class Latency(Observer):
    """Measures what the signals and account stages of this process do, and hands on to the observers in `also`."""

    def __init__(self, clock_ns: Callable[[], int], also: Sequence[Observer] = ()) -> None:
        self.also = also
        self._clock_ns = clock_ns
        self._events = 0  # that the strategies have seen
        self._kept: Mapping[tuple[str, str], collections.deque[float]] = collections.defaultdict(
            lambda: collections.deque(maxlen=KEPT)
        )

    def on_signals(self, next_frame: int, messages: Sequence[Envelope], inputs: Inputs | None = None) -> None:
        """Measure how long the strategies took."""
        self._events += inputs.events if inputs else 0
        self._measure(SIGNALS, messages, inputs)
        super().on_signals(next_frame, messages, inputs)

    def on_step(
        self, next_frame: int, steps: int, messages: Sequence[Envelope] = (), inputs: Inputs | None = None
    ) -> None:
        """Measure how long the account took."""
        self._measure(ACCOUNT, messages, inputs)
        super().on_step(next_frame, steps, messages, inputs)

    def _measure(self, stage: str, messages: Sequence[Envelope], inputs: Inputs | None) -> None:
        if inputs is not None:
            for name, seconds in latencies(messages, inputs, self._clock_ns()):
                self._kept[stage, name].append(seconds)

    def figures(self, stage: str) -> dict[str, float]:
        """Return what a stage reports: of the latest of each kind the median, the 99th percentile, the most, how many.

        A percentile is one that was measured, not a mean of two. Nothing is said of what was not measured.
        """
        told = {"events": float(self._events)} if stage == SIGNALS else {}
        for (of, name), kept in self._kept.items():
            if of == stage:
                half, most = np.quantile(np.array(kept), (0.5, 0.99), method="higher")
                told |= {f"{name}.p50": float(half), f"{name}.p99": float(most)}
                told |= {f"{name}.max": max(kept), f"{name}.count": float(len(kept))}
        return told
