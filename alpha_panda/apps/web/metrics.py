"""The web app's own metrics: visits, refusals and sign-ins, each with few labels however it is asked."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

PLACES = ("api", "auth", "docs", "health", "metrics", "research", "sign-in", "static")
"""The first words of paths that are told apart; all else belongs to the dashboard, or is nowhere."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class WebMetrics:
    """Counts what visitors do, in a `registry` of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "alpha_panda_web_requests",
            "Requests and websockets, by what was answered",
            ["place", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "alpha_panda_web_request_seconds",
            "How long answers took",
            ["place"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._refused = Counter(
            "alpha_panda_web_refused", "Visits that ended at the gate, by why", ["code"], registry=registry
        )
        self._sign_ins = Counter(
            "alpha_panda_web_sign_ins",
            "Attempts to sign in or to go on, by what came of them",
            ["how", "outcome"],
            registry=registry,
        )
        self._lines = Counter(
            "alpha_panda_web_log_lines", "Lines of the structured logs", ["channel", "level"], registry=registry
        )
        self._dropped = Counter(
            "alpha_panda_web_log_lines_dropped",
            "Lines that did not reach the disk",
            ["channel"],
            registry=registry,
        )
        self._defects = Counter(
            "alpha_panda_web_defects", "Defects met, by a request or by what works behind them all", registry=registry
        )

    def on_visit(self, path: str, status: int, elapsed_s: float, refused: str) -> None:
        """Count a visit; how long a websocket was open is no latency."""
        first = path.split("/", 2)[1] if path.startswith("/") else ""
        place = first if first in PLACES else "dashboard"
        self._requests.labels(place, str(status)).inc()
        if refused:
            self._refused.labels(refused).inc()
        elif status != 101:
            self._seconds.labels(place).observe(elapsed_s)

    def on_sign_in(self, how: str, outcome: str) -> None:
        """Count an attempt to sign in."""
        self._sign_ins.labels(how, outcome).inc()

    def on_defect(self) -> None:
        """Count a defect."""
        self._defects.inc()

    def on_line(self, channel: str, level: str) -> None:
        """Count a line of the structured logs."""
        self._lines.labels(channel, level).inc()

    def on_lines_dropped(self, channel: str, lines: int) -> None:
        """Count lines that did not reach the disk."""
        self._dropped.labels(channel).inc(lines)

    def on_queue(self, queue: str, depth: int, capacity: int) -> None:
        """Leave out how many lines wait: whether any is lost is what matters."""

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)
