"""The way of an order is one trace, named alike by every process; without an address there is none."""

import builtins
import http.server
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from alpha_panda.errors import ConfigurationError
from alpha_panda.live import messages
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.observer import Inputs
from alpha_panda.live.watch.tracing import ENDPOINT, Spans, tracing
from tests.live.watching import NOW_NS, Clocks, effects, frame, path_of_an_order

MILLISECOND_NS = 1_000_000


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def traced(clocks: Clocks, exporter: InMemorySpanExporter) -> Spans:
    """Return the spans of a process, which go to memory."""
    return Spans(SimpleSpanProcessor(exporter), clocks.monotonic, clocks.time_ns, {"session": "2026-11-20"})


def way_of_an_order(clocks: Clocks) -> list[ReadableSpan]:
    """Return the spans of a tick that two processes took to its fill, each in two milliseconds."""
    tick, exporters = frame(), (InMemorySpanExporter(), InMemorySpanExporter())
    signal, *decided = path_of_an_order(tick)
    with traced(clocks, exporters[0]) as signals, traced(clocks, exporters[1]) as account:
        signals.on_signals(1, [signal, *effects(tick, messages.Progress(0, 41, 1))], taken_up(clocks, tick))
        account.on_step(1, 1, decided, taken_up(clocks, tick))
    return [span for exporter in exporters for span in exporter.get_finished_spans()]


def taken_up(clocks: Clocks, tick: Envelope) -> Inputs:
    """Return a step's inputs, taken up after a millisecond, and let another one pass."""
    clocks.now_s += 0.001
    inputs = Inputs(clocks.now_s, 2, {tick.id: NOW_NS})
    clocks.now_s += 0.001
    return inputs


def test_the_way_of_an_order_is_one_trace(clocks: Clocks):
    spans = [span for span in way_of_an_order(clocks) if not span.name.endswith(" step")]
    assert [span.name for span in spans] == [
        *("market_tick", "trading_signal", "validated_signal", "order_placed", "order_filled")
    ]
    assert len({span.context.trace_id for span in spans}) == 1
    assert spans[0].parent is None
    assert [span.parent.span_id for span in spans[1:]] == [span.context.span_id for span in spans[:-1]]


def test_a_span_lasts_as_long_as_its_step(clocks: Clocks):
    tick, signal, decision, *_ = (span for span in way_of_an_order(clocks) if not span.name.endswith(" step"))
    began = [(span.start_time - NOW_NS) / MILLISECOND_NS for span in (tick, signal, decision)]
    ended = [(span.end_time - NOW_NS) / MILLISECOND_NS for span in (tick, signal, decision)]
    assert began == pytest.approx([0.0, 1.0, 3.0], abs=0.001)
    assert ended == pytest.approx([1.0, 2.0, 4.0], abs=0.001), "the tick itself waits on the log until it is taken up"


def test_a_step_is_linked_to_the_ticks_that_it_was_given(clocks: Clocks):
    spans = way_of_an_order(clocks)
    steps = [span for span in spans if span.name.endswith(" step")]
    assert [span.name for span in steps] == ["signals step", "account step"]
    for step in steps:
        assert [link.context.span_id for link in step.links] == [spans[0].context.span_id]
        assert step.context.trace_id != spans[0].context.trace_id
    assert dict(steps[1].attributes) == {"stage": "account", "events": 2, "messages": 3}


def test_spans_say_who_and_what(clocks: Clocks):
    placed = next(span for span in way_of_an_order(clocks) if span.name == "order_placed")
    assert placed.resource.attributes["service.name"] == "alpha-panda"
    assert placed.resource.attributes["session"] == "2026-11-20"
    assert placed.attributes["order_id"] == 7
    assert placed.attributes["strategy"] == "momentum"


def test_what_recovery_does_again_is_no_span(clocks: Clocks):
    exporter = InMemorySpanExporter()
    with traced(clocks, exporter) as spans:
        spans.on_step(1, 1, path_of_an_order(frame()), None)
    assert exporter.get_finished_spans() == ()


@pytest.fixture
def collector() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a collector of spans, and the paths to which it was sent any."""
    heard: list[str] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(self.path if b"alpha-panda" in body or self.headers["Content-Encoding"] else "")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()


def test_spans_go_to_the_address_that_the_environment_names(
    clocks: Clocks, collector: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
):
    address, heard = collector
    monkeypatch.setenv(ENDPOINT, address)
    with tracing({ENDPOINT: address}, clocks.monotonic, clocks.time_ns, {}) as observer:
        assert observer is not None
        observer.on_step(1, 1, path_of_an_order(frame()), Inputs(clocks.now_s, 2, {}))
    assert heard == ["/v1/traces"]


def test_without_an_address_there_is_nothing(clocks: Clocks):
    with tracing({}, clocks.monotonic, clocks.time_ns, {}) as observer:
        assert observer is None


def test_without_the_libraries_it_is_said_what_to_install(clocks: Clocks, monkeypatch: pytest.MonkeyPatch):
    found = builtins.__import__

    def missing(name: str, *rest: object) -> object:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    asked = tracing({ENDPOINT: "http://127.0.0.1:4318"}, clocks.monotonic, clocks.time_ns, {})
    with pytest.raises(ConfigurationError, match=r"pip install 'alpha-panda\[tracing\]'"), asked:
        pass
