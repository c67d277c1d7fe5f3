"""OpenTelemetry spans: the way of an order as one trace, whichever processes it went through.

Nothing has to be carried from stage to stage: a trace is named after the correlation id of its messages, and a span
after the id of the message that it made, so every process names them alike. A step of a stage is a trace of its own,
linked to those of the ticks that it was given.

Spans are made in a thread of their own, since one takes some fifty microseconds, which an order has not got. Where that
thread cannot keep up, steps are left out: traces show examples, the metrics count everything.

Needs the extra `tracing`, and an address in the environment variable OTEL_EXPORTER_OTLP_ENDPOINT; without the latter
there are no spans, at no cost.
"""

import contextlib
import hashlib
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.messages import Decision, Fill, OrderUpdate, Payload, Signal
from alpha_panda.live.observer import ACCOUNT, SIGNALS, Inputs, Observer
from alpha_panda.units import SECOND_NS

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import SpanContext

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The environment variable that names the collector of spans; OpenTelemetry knows more of them."""

_WAITING_STEPS = 2_000
_CLOSING_S = 3.0  # a collector that does not answer keeps no process from ending


class _Step(NamedTuple):
    stage: str
    messages: Sequence[Envelope]
    inputs: Inputs
    began_ns: int
    ended_ns: int


class Spans(Observer):
    """Makes spans of what the stages say that they did, and hands them to `processor`, for as long as it is entered.

    `monotonic` and `clock_ns` are the clocks of this machine, and `resource` says who it is.
    """

    def __init__(
        self,
        processor: "SpanProcessor",
        monotonic: Callable[[], float],
        clock_ns: Callable[[], int],
        resource: Mapping[str, str],
    ) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        self._monotonic, self._clock_ns = monotonic, clock_ns
        self._names = _names()
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "alpha-panda", **resource}),
            id_generator=self._names,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("alpha_panda.live")
        self._waiting: queue.SimpleQueue[_Step | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._make_all, name="spans", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hand over the spans that wait, as far as the collector takes them within seconds."""
        self._waiting.put(None)
        self._thread.join(_CLOSING_S)

    def on_signals(self, next_frame: int, messages: Sequence[Envelope], inputs: Inputs | None = None) -> None:
        """Make a span of the step, and one of each signal."""
        self._take(SIGNALS, messages, inputs)

    def on_step(
        self, next_frame: int, steps: int, messages: Sequence[Envelope] = (), inputs: Inputs | None = None
    ) -> None:
        """Make a span of the step, and one of each decision, order and fill."""
        self._take(ACCOUNT, messages, inputs)

    def _take(self, stage: str, messages: Sequence[Envelope], inputs: Inputs | None) -> None:
        if inputs is not None and messages and self._waiting.qsize() < _WAITING_STEPS:
            ended_ns = self._clock_ns()
            began_ns = ended_ns - round((self._monotonic() - inputs.began_s) * SECOND_NS)
            self._waiting.put(_Step(stage, messages, inputs, began_ns, ended_ns))

    # ── In the thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def _make_all(self) -> None:
        while (step := self._waiting.get()) is not None:
            self._make(step)
        self._provider.shutdown()

    def _make(self, step: _Step) -> None:
        stage, messages, inputs, began_ns, ended_ns = step
        told = [message for message in messages if isinstance(message.data, Signal | Decision | OrderUpdate | Fill)]
        for correlation_id in {each.correlation_id for each in told if each.causation_id == each.correlation_id}:
            appended_ns = inputs.appended_ns.get(correlation_id) or began_ns
            self._span("market_tick", correlation_id, correlation_id, "", appended_ns, began_ns, {})
        for message in told:
            about = {"stage": stage, "broker": message.broker, **_about(message.data)}
            names = (message.correlation_id, message.id, message.causation_id)
            self._span(message.type, *names, began_ns, ended_ns, about)
        about = {"stage": stage, "events": inputs.events, "messages": len(messages)}
        itself = f"{stage}:{messages[-1].id}"
        self._span(f"{stage} step", itself, itself, "", began_ns, ended_ns, about, inputs.appended_ns)

    def _span(
        self,
        kind: str,
        trace: str,
        itself: str,
        parent: str,
        began_ns: int,
        ended_ns: int,
        about: Mapping[str, str | int | float],
        linked: Iterable[str] = (),
    ) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import Link, NonRecordingSpan, set_span_in_context

        self._names.upcoming = _span_context(trace, itself)
        nothing = Context()
        context = set_span_in_context(NonRecordingSpan(_span_context(trace, parent)), nothing) if parent else nothing
        links = [Link(_span_context(each, each)) for each in linked]
        span = self._tracer.start_span(kind, context, attributes=about, links=links, start_time=began_ns)
        span.end(ended_ns)


def _names():
    """Return what names a span as it was told just before: by itself, the library would draw names at random."""
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    class Names(IdGenerator):
        upcoming = _span_context("", "")

        def generate_span_id(self) -> int:
            return self.upcoming.span_id

        def generate_trace_id(self) -> int:
            return self.upcoming.trace_id

    return Names()


def _span_context(trace: str, span: str) -> "SpanContext":
    """Return the context of the span that is named after a message, in the trace that is named after another."""
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(_number(trace, 16), _number(span, 8), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _number(name: str, length: int) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=length).digest(), "big")


def _about(data: Payload) -> dict[str, str | int | float]:
    """Return what a span says of its message besides its ids."""
    match data:
        case Signal():
            said: dict[str, str | int | float] = {"target": data.target}
        case Decision():
            said = {"verdict": data.verdict, "code": data.code, "granted": data.granted, "order_id": data.order_id}
        case OrderUpdate():
            said = {"status": data.status, "order_id": data.order_id, "quantity": data.quantity}
        case Fill():
            said = {"order_id": data.order_id, "quantity": data.quantity, "price_e4": data.price_e4}
        case _:
            return {}
    return {"strategy": data.strategy, "instrument_token": data.instrument_token, **said}


@contextlib.contextmanager
def tracing(
    environment: Mapping[str, str],
    monotonic: Callable[[], float],
    clock_ns: Callable[[], int],
    resource: Mapping[str, str],
) -> Generator[Observer | None]:
    """Give the observer that sends spans to where the environment says, or None where it does not say.

    `resource` says who sends them. Raises ConfigurationError where the libraries for it are not installed.
    """
    if not environment.get(ENDPOINT):
        yield None
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigurationError(
            f"{ENDPOINT} asks for spans, and OpenTelemetry is not installed: pip install 'alpha-panda[tracing]', "
            "or unset the variable"
        ) from None
    with Spans(BatchSpanProcessor(OTLPSpanExporter()), monotonic, clock_ns, resource) as spans:
        yield spans
