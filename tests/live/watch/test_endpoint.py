"""The endpoint answers over HTTP what metrics and health say, also while the event loop is stuck."""

import asyncio
import contextlib
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Generator

import pytest

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.status import Status
from alpha_panda.live.watch.endpoint import Endpoint, serving
from alpha_panda.live.watch.health import Health, beat
from alpha_panda.live.watch.metrics import Metrics
from alpha_panda.live.watch.redaction import Redaction
from tests.live.watching import CANARY, Clocks, report


@contextlib.contextmanager
def a_process(clocks: Clocks) -> Generator[tuple[int, Status, Health]]:
    """Give the port of a process with one stage, what its stages tell, and its health."""
    metrics, health = Metrics(clocks.monotonic, clocks.time_ns), Health(clocks.monotonic, ["portfolio"])
    with serving(Endpoint(metrics, health, Redaction([CANARY])), 0) as port:
        yield port, Status(clocks.monotonic, [metrics, health]), health


def ask(port: int, place: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    """Return the status and the body of an answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{place}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def test_a_scrape_finds_what_the_stages_told():
    with a_process(Clocks()) as (port, status, _):
        status.on_dead_letter("market.ticks", "no message")
        code, text = ask(port, "/metrics")
    assert code == 200
    assert 'alpha_panda_dead_letters_total{topic="market.ticks"} 1.0\n' in text
    assert 'alpha_panda_health_check{check="portfolio"} 0.0\n' in text


def test_readiness_names_each_check_and_its_reason():
    with a_process(Clocks()) as (port, status, _):
        status.on_report(report("portfolio", "waiting", "Redis at redis:6379 does not answer"))
        code, text = ask(port, "/health/ready")
        assert (code, json.loads(text)["ready"]) == (503, False)
        found = json.loads(text)["checks"]
        assert found["portfolio"] == {"passes": False, "reason": "waiting: Redis at redis:6379 does not answer"}
        assert found["log"]["passes"]
        status.on_report(report("portfolio"))
        code, text = ask(port, "/health/ready")
    assert (code, json.loads(text)["ready"]) == (200, True)


async def test_a_stuck_loop_is_not_alive_and_its_metrics_still_answer():
    clocks, answers = Clocks(), {}

    def ask_meanwhile(port: int, asked: threading.Event) -> None:
        for place in ("/health/live", "/health/ready", "/metrics"):
            answers[place] = ask(port, place)
        asked.set()

    with a_process(clocks) as (port, status, health):
        beating = asyncio.create_task(beat(status, health))
        await asyncio.sleep(0)
        assert (await asyncio.to_thread(ask, port, "/health/live"))[0] == 200
        clocks.now_s += 6.0
        asked = threading.Event()
        threading.Thread(target=ask_meanwhile, args=(port, asked)).start()
        assert asked.wait(30), "the loop is stuck here until all has been answered"
        beating.cancel()
    assert answers["/health/live"][0] == answers["/health/ready"][0] == 503
    assert "turned 6.0 s ago" in answers["/health/live"][1]
    assert answers["/metrics"][0] == 200
    assert "alpha_panda_loop_heartbeat_age_seconds 6.0\n" in answers["/metrics"][1]


async def test_the_heartbeat_tells_what_has_changed():
    clocks = Clocks()
    with a_process(clocks) as (_, status, health):
        told = []
        status.on_health_check = lambda *change: told.append(change)
        assert health.changes() == {}
        status.on_report(report("portfolio"))
        beating = asyncio.create_task(beat(status, health))
        await asyncio.sleep(0)
        beating.cancel()
    assert told == [("portfolio", True, "running")]


def test_a_reason_gives_no_secret_away():
    with a_process(Clocks()) as (port, status, _):
        status.on_log_error("account", OSError(f"kafka at panda:{CANARY}@kafka:9092 refused"))
        _, text = ask(port, "/health/ready")
    assert json.loads(text)["checks"]["log"]["reason"] == "kafka at panda:[redacted]@kafka:9092 refused"


@pytest.mark.parametrize(("place", "method", "code"), [("/nothing", "GET", 404), ("/metrics", "POST", 405)])
def test_what_is_not_there_is_said_in_json(place: str, method: str, code: int):
    with a_process(Clocks()) as (port, _, _):
        answered, text = ask(port, place, method)
    assert answered == code
    assert "error" in json.loads(text)


def test_a_head_request_has_no_body():
    with a_process(Clocks()) as (port, _, _):
        assert ask(port, "/health/live", "HEAD") == (200, "")


def test_a_client_that_says_nothing_keeps_nobody_waiting():
    with a_process(Clocks()) as (port, _, _), socket.create_connection(("127.0.0.1", port)):
        assert ask(port, "/health/live")[0] == 200


def test_it_listens_to_this_machine_alone():
    with a_process(Clocks()) as (port, _, _), socket.socket() as other:
        other.bind(("127.0.0.2", port))  # which is free, as it would not be if it listened everywhere


def test_a_port_in_use_is_said_in_a_sentence():
    with a_process(Clocks()) as (port, _, _):
        taken = pytest.raises(ConfigurationError, match=f"port {port}: Address already in use; choose another")
        with taken, a_process_at(port):
            pass


@pytest.mark.parametrize(("port", "host"), [(70_000, "127.0.0.1"), (0, "no.such.host.invalid")])
def test_a_place_that_cannot_be_is_said_in_a_sentence(port: int, host: str):
    with pytest.raises(ConfigurationError, match="metrics cannot be served at"), a_process_at(port, host):
        pass


def a_process_at(port: int, host: str = "127.0.0.1") -> contextlib.AbstractContextManager[int]:
    clocks = Clocks()
    endpoint = Endpoint(Metrics(clocks.monotonic, clocks.time_ns), Health(clocks.monotonic, []), Redaction([]))
    return serving(endpoint, port, host)


def test_a_port_is_free_again_once_it_is_closed():
    with a_process(Clocks()) as (port, _, _):
        pass
    with a_process_at(port) as again:
        assert again == port
