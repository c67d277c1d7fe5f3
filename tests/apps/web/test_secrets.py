"""Secrets planted in the configuration appear nowhere, and neither names nor headers write lines of their own."""

import asyncio
import dataclasses
import json
import pathlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import httpx
import pytest

from alpha_panda.apps.dashboard.navigation import PLACES
from alpha_panda.apps.web.build import WebOptions, serve_web
from alpha_panda.apps.web.serving import bound
from alpha_panda.database import database_url, open_database
from alpha_panda.errors import AlphaPandaError, StoreError
from alpha_panda.live.build import open_store
from alpha_panda.live.store.base import Store
from alpha_panda.live.watch.redaction import Redaction
from tests.apps.desk_at_work import at_work, seen, surroundings_of, traded_morning
from tests.apps.web.house import CHEAP, Passwords, house

# Apprise looks for a module that this Python still has, and the next ones have no longer.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SECRET = "canary-of-the-signing-secret-0123456789abcdef"
PASSWORD = "canary-of-a-password-7f3a"
REDIS = "canary-of-redis-9c1e"
TARGET = "canaryOfATarget4b7d"
CANARIES = (SECRET, PASSWORD, REDIS, TARGET)
NO_END = ("/api/v1/stream",)
ATTACKS = ("\r\nlevel=critical forged", "\x1b[31mred\x1b[0m", '"}\n{"level":"critical"}', "\u202egnp.exe", "a\x00b")


class Web(NamedTuple):
    """The app as the command makes it, and what it told on the terminal."""

    address: str
    told: list[str]
    state: pathlib.Path


@pytest.fixture
async def web(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Web]:
    """Serve the app over a session, with a canary in each place where a secret stands, and with Redis out of reach."""
    monkeypatch.setenv("ALPHA_PANDA_SECRET", SECRET)
    monkeypatch.setenv("ALPHA_PANDA_REDIS_URL", f"redis://panda:{REDIS}@127.0.0.1:1/0")
    monkeypatch.setenv("ALPHA_PANDA_DATABASE_URL", f"sqlite:///{tmp_path / 'web.db'}")
    monkeypatch.setenv("ALPHA_PANDA_ALERTS", f"json://127.0.0.1:1/{TARGET}?+X-Token={TARGET}")
    state, stop, told = await traded_morning(tmp_path / "state"), asyncio.Event(), list[str]()
    passwords = Passwords(CHEAP)
    async with open_database(database_url()) as database:
        await database.users.add("asha", await passwords.hash(PASSWORD), "admin", 1)
    passwords.close()
    with bound("127.0.0.1", 0) as listening:
        serving = asyncio.create_task(serve_web(WebOptions(state=state), listening, stop, told.append))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=address, timeout=30) as client:
            while not told:
                assert not serving.done(), serving.exception()
                await asyncio.sleep(0.05)
            assert (await client.get("/health/live")).status_code == 200
        yield Web(address, told, state)
        stop.set()
        await serving


def written(state: pathlib.Path) -> str:
    """Return every line of the structured logs."""
    return "".join(path.read_text() for path in sorted(state.glob("logs*/*.jsonl")))


async def test_no_canary_appears_in_any_answer_page_metric_log_line_or_on_the_terminal(web: Web):
    seen: dict[str, str] = {}
    async with httpx.AsyncClient(base_url=web.address, timeout=30, headers={"Origin": web.address}) as client:
        for name, password in (("asha", "wrong " + PASSWORD), (PASSWORD, PASSWORD)):
            answer = await client.post("/auth/sign-in", json={"name": name, "password": password})
            seen[f"wrong {name}"] = answer.text + str(answer.headers)
        answer = await client.post("/auth/sign-in", json={"name": "asha", "password": PASSWORD})
        assert answer.status_code == 200
        seen["sign-in"] = answer.text
        seen["malformed"] = (await client.post("/auth/sign-in", json={"name": 7, "passwort": PASSWORD})).text
        document = (await client.get("/api/v1/openapi.json")).json()
        paths = [path for path, methods in document["paths"].items() if "get" in methods and path not in NO_END]
        for path in (*paths, *(place.path for place in PLACES), "/docs", "/metrics", "/sign-in"):
            answer = await client.get(path.replace("{", "").replace("}", ""))
            seen[path] = answer.text + str(answer.headers)
        answer = await client.post("/api/v1/alerts/test", json={})
        seen["alerts test"] = answer.text
    assert len(seen) > 40
    seen |= {"the terminal": "\n".join(web.told), "the logs": written(web.state)}
    assert "127.0.0.1:1" in seen["/health/ready"]  # the store was named as being away, without its password
    found = [(place, canary) for place, text in seen.items() for canary in CANARIES if canary in text]
    assert not found


@pytest.mark.parametrize("mark", ["/", "#", "?", ":", "%zz"])
async def test_an_address_that_cannot_be_used_is_not_repeated(mark: str):
    password = f"{REDIS}{mark}{REDIS}"
    with pytest.raises(AlphaPandaError) as away:
        await open_store(f"redis://panda:{password}@127.0.0.1:1/0")
    assert REDIS not in str(away.value)
    with pytest.raises(AlphaPandaError) as refused:
        async with open_database(f"postgresql://panda:{password}@127.0.0.1:1/panda"):
            pytest.fail("nobody listens there")
    assert REDIS not in str(refused.value)


async def test_what_a_source_says_of_its_trouble_is_shown_without_the_secret_that_it_quotes(tmp_path: pathlib.Path):
    async def quoting() -> Store:
        raise StoreError(f"the store does not take {REDIS}\x1b[2J")

    state = await traded_morning(tmp_path / "state")
    around = dataclasses.replace(surroundings_of(state), open_store=quoting, fit=Redaction([REDIS]).text)
    async with at_work(state, around=around) as desk:
        picture = await seen(desk, lambda picture: "does not take" in picture.model_dump_json())
    assert REDIS not in picture.model_dump_json()
    assert "\x1b" not in "".join(picture.troubles)


async def test_what_is_written_down_of_a_deed_is_without_the_secret_that_its_trouble_quotes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    async def quoting(*asked: object) -> None:
        raise StoreError(f"the store does not take {REDIS}")

    async with house(tmp_path, redaction=Redaction([REDIS])) as made, made.signed_in("asha") as page:
        monkeypatch.setattr(made.parts.desk, "command", quoting)
        answer = await page.post("/api/v1/control/pause", json={"reason": f"pasted {REDIS}"})
        audited = await page.get("/api/v1/audit?action=control.pause")
    assert (answer.status_code, len(audited.json()["rows"])) == (503, 2)
    assert REDIS not in answer.text + audited.text


async def test_a_password_in_the_database_is_only_a_hash(web: Web, tmp_path: pathlib.Path):
    for path in tmp_path.glob("web.db*"):
        assert PASSWORD.encode() not in path.read_bytes()


async def test_no_name_and_no_header_writes_a_line_of_its_own(web: Web):
    async with httpx.AsyncClient(base_url=web.address) as client:
        for attack in ATTACKS:
            await client.post("/auth/sign-in", json={"name": attack, "password": attack})
            harmless = attack.encode().replace(b"\r", b"").replace(b"\n", b"").replace(b"\x00", b"")
            await client.get("/api/v1/boot", headers={"X-Correlation-ID": harmless, "User-Agent": harmless})
            await client.get(f"/{httpx.QueryParams({'a': attack})}%0d%0aforged%1b[31m")
    await asyncio.sleep(0.2)
    lines = written(web.state).splitlines()
    assert lines
    for line in lines:
        assert json.loads(line)["level"] != "critical"
        assert not any(character in line for character in "\x1b\x00\u202e")


OUT = (
    "/static/../../../../etc/passwd",
    "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/static//etc/passwd",
    "/static/js/..\\..\\..\\etc\\passwd",
    "/static/%00",
    "/static/extensions/panel/../../../../../etc/passwd",
    "/components/../../etc/passwd",
    "/components/os/path/x",
    "/components/alpha_panda.cli.__main__/a/css/b",
    "/components/alpha_panda.apps.web.build/secrets/x",
    "/research/../live/paper.toml",
    "/research/%2e%2e/%2e%2e/etc/passwd",
    "/research/explore_data/../../pyproject.toml",
    "/research/explore_data/assets/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/research/explore_data/public-files-sw.js/../../../etc/passwd",
    "/research/explore_data/@file/../../../etc/passwd",
    "/research/explore_data/public/..%2fexplore_data.py",
    "/sign-in/../api/v1/boot",
    "/sign-in/%2e%2e/application.py",
)


async def test_no_path_leads_out_of_what_is_served(web: Web):
    host, _, port = web.address.removeprefix("http://").partition(":")
    async with httpx.AsyncClient(base_url=web.address) as client:
        answer = await client.post("/auth/sign-in", json={"name": "asha", "password": PASSWORD, "bearer": True})
    token = answer.json()["access_token"]
    for path in OUT:
        reader, writer = await asyncio.open_connection(host, int(port))  # a client would tidy the path up
        head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        answered = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        assert answered.split()[1] in (b"307", b"400", b"404"), (path, answered[:300])
        assert not any(kept in answered for kept in (b"root:", b"[account]", b"import marimo")), path
