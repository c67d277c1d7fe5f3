"""What the app is composed of: how far it may be reached, with which secret, and which session it shows."""

import asyncio
import contextlib
import os
import pathlib
from collections.abc import Generator

import httpx
import pytest

from alpha_panda.apps.web.build import WebOptions, check_exposure, is_loopback, serve_web, session_here
from alpha_panda.apps.web.serving import bound
from alpha_panda.database import DATABASE_URL
from alpha_panda.errors import ConfigurationError
from alpha_panda.live.log.opening import LOCK_FILE, lock_folder

HERE = pathlib.Path("state")
GOOD = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALPHA_PANDA_SECRET", raising=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_on_this_machine_alone_a_secret_is_made_for_the_process(host: str):
    assert is_loopback(host)
    one, another = (check_exposure(WebOptions(state=HERE, host=host)) for _ in range(2))
    assert one != another
    assert len(one) >= 32


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "panda.example.com", ""])
def test_beyond_this_machine_it_refuses_to_start_without_a_secret(host: str):
    with pytest.raises(ConfigurationError, match="others could reach the web app: set ALPHA_PANDA_SECRET"):
        check_exposure(WebOptions(state=HERE, host=host, public_url="https://panda.example.com"))


def test_behind_a_proxy_on_this_machine_it_refuses_as_well():
    with pytest.raises(ConfigurationError, match="set ALPHA_PANDA_SECRET"):
        check_exposure(WebOptions(state=HERE, public_url="https://panda.example.com"))


@pytest.mark.parametrize("secret", ["changeme", "x" * 31, "x" * 64, "abab" * 16])
def test_a_secret_that_could_be_guessed_is_refused_wherever_it_is(monkeypatch: pytest.MonkeyPatch, secret: str):
    monkeypatch.setenv("ALPHA_PANDA_SECRET", secret)
    with pytest.raises(ConfigurationError, match="ALPHA_PANDA_SECRET") as refused:
        check_exposure(WebOptions(state=HERE))
    assert secret not in str(refused.value)


@pytest.mark.parametrize("address", ["", "panda.example.com", "ftp://panda.example.com", "https://"])
def test_beyond_this_machine_it_must_know_its_own_name(monkeypatch: pytest.MonkeyPatch, address: str):
    monkeypatch.setenv("ALPHA_PANDA_SECRET", GOOD)
    with pytest.raises(ConfigurationError, match="say by which address, as --public-url"):
        check_exposure(WebOptions(state=HERE, host="0.0.0.0", public_url=address))


def test_with_a_secret_and_a_name_it_is_served_to_others(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALPHA_PANDA_SECRET", GOOD)
    options = WebOptions(state=HERE, host="0.0.0.0", public_url="https://panda.example.com")
    assert check_exposure(options) == GOOD.encode()


def test_a_session_that_nobody_names_is_the_one_that_runs_or_else_ran_last(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="there is no session in live/state"):
        session_here()
    states = {name: tmp_path / "live" / "state" / name for name in ("b", "c", "a", "misspelt")}
    for second, state in enumerate(states.values()):
        (state / "logs").mkdir(parents=True)  # as whoever looks at a session leaves behind as well
        if state.name != "misspelt":
            os.close(lock_folder(state))
            os.utime(state / LOCK_FILE, (second, second))
    assert session_here() == pathlib.Path("live/state/a")
    with held(states["b"]):
        assert session_here() == pathlib.Path("live/state/b")
        with held(states["c"]), pytest.raises(ConfigurationError, match="live/state/b, live/state/c run at the same"):
            session_here()


@contextlib.contextmanager
def held(state: pathlib.Path) -> Generator[None]:
    """Hold the lock of a session, as a process does that runs it."""
    descriptor = lock_folder(state)
    yield
    os.close(descriptor)


async def test_a_scraper_is_told_the_metrics_at_a_port_of_their_own_and_nothing_else(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(DATABASE_URL, f"sqlite:///{tmp_path / 'web.db'}")
    told, stop = asyncio.Queue[str](), asyncio.Event()
    options = WebOptions(state=tmp_path / "state", metrics_port=0)
    with bound("127.0.0.1", 0) as listening:
        serving = asyncio.create_task(serve_web(options, listening, stop, told.put_nowait))
        metrics = (await told.get()).removeprefix("metrics at ")
        app = (await told.get()).removeprefix("dashboard at ")
        async with httpx.AsyncClient() as scraper:
            refused = await scraper.get(f"{app}/metrics")
            answer = await scraper.get(metrics)
            changing = await scraper.post(metrics)
        stop.set()
        await serving
    assert (refused.status_code, answer.status_code, changing.status_code) == (401, 200, 405)
    assert 'alpha_panda_web_refused_total{code="not_signed_in"} 1.0' in answer.text
    names = {line.split("{")[0].split(" ")[0] for line in answer.text.splitlines() if not line.startswith("#")}
    assert all(name.startswith("alpha_panda_web_") for name in names), "figures of an account are nobody else's"


@pytest.mark.parametrize("proxy", ["*", "0.0.0.0/0", "::/0", "proxy.example.com", "127.0.0.1,*"])
def test_nobody_is_believed_who_could_be_anybody(proxy: str):
    with pytest.raises(ConfigurationError, match="is no address"):
        check_exposure(WebOptions(state=HERE, proxy=proxy))
