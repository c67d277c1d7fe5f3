"""How long the stages took: counted from the tick on the log, over the latest, and handed on to who looks on."""

import pytest

from alpha_panda.live.observer import Inputs, Observer
from alpha_panda.live.watch.latency import KEPT, Latency
from tests.live.watching import NOW_NS, Clocks, frame, path_of_an_order


def measured(*milliseconds: float) -> dict[str, float]:
    """Return what the account's stage reports after orders that took so long."""
    latency = Latency(lambda: NOW_NS)
    tick = frame()
    for each in milliseconds:
        appended_ns = {tick.id: NOW_NS - round(each * 1e6)}
        latency.on_step(1, 1, path_of_an_order(tick)[1:], Inputs(0.0, 2, appended_ns))
    return latency.figures("account")


def test_signals_decisions_and_orders_are_measured_from_their_tick():
    clocks, tick = Clocks(), frame()
    latency = Latency(clocks.time_ns)
    signal, *decided = path_of_an_order(tick)
    inputs = Inputs(clocks.now_s, 2, {tick.id: NOW_NS})
    clocks.now_s += 0.004
    latency.on_signals(1, [signal], inputs)
    clocks.now_s += 0.002
    latency.on_step(1, 1, decided, inputs)
    assert latency.figures("signals") == pytest.approx(
        {"events": 2}
        | {f"tick_to_signal_seconds.{name}": 0.004 for name in ("p50", "p99", "max")}
        | {"tick_to_signal_seconds.count": 1}
    )
    account = latency.figures("account")
    assert {name: account[f"{name}.max"] for name in ("tick_to_decision_seconds", "tick_to_order_seconds")} == (
        pytest.approx({"tick_to_decision_seconds": 0.006, "tick_to_order_seconds": 0.006})
    )
    assert latency.figures("feed") == {}


def test_a_percentile_is_one_of_what_was_measured():
    told = measured(*range(1, 101))
    assert [told[f"tick_to_order_seconds.{name}"] for name in ("p50", "p99", "max", "count")] == pytest.approx(
        [0.051, 0.100, 0.100, 100]
    )


def test_only_the_latest_count():
    told = measured(5_000, *[1] * KEPT)
    assert (told["tick_to_order_seconds.max"], told["tick_to_order_seconds.count"]) == (pytest.approx(0.001), KEPT)


@pytest.mark.parametrize(
    "appended_ns", [{}, {frame().id: 0}, {frame().id: NOW_NS + 1}], ids=["of no frame", "unknown", "in the future"]
)
def test_what_cannot_be_known_is_absent(appended_ns: dict[str, int]):
    latency = Latency(lambda: NOW_NS)
    latency.on_step(1, 1, path_of_an_order(frame())[1:], Inputs(0.0, 2, appended_ns))
    latency.on_step(2, 2)
    assert latency.figures("account") == {}


def test_what_is_measured_is_handed_on():
    heard: list[tuple[str, int]] = []

    class Listener(Observer):
        def on_signals(self, next_frame, messages, inputs=None):
            heard.append(("signals", next_frame))

        def on_step(self, next_frame, steps, messages=(), inputs=None):
            heard.append(("account", next_frame))

    latency = Latency(lambda: NOW_NS, also=(Listener(),))
    latency.on_signals(1, [])
    latency.on_step(2, 1)
    assert heard == [("signals", 1), ("account", 2)]
