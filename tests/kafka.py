"""A real Apache Kafka for tests: one that they share, and one that a test may stop, kill and pause.

It runs from the jars that Kafka publishes, fetched once by Maven into a folder outside the checkout. Tests share a
broker by giving each session a name of its own.

On a machine without Java or Maven, noida-db stands in for the shared broker: another program that speaks the protocol.
It promises nothing about what it acknowledged before it is killed, so the tests that do something to a broker skip
there: those of `tests/faults/test_log.py`.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator

import noida_db
import pytest

ADDRESS = "ALPHA_PANDA_TEST_KAFKA"
"""The environment variable that names a broker for the tests, as host:port; they add topics to it and delete them."""

VERSION = "4.1.0"
_PATIENCE_S = 60.0
_FETCHING_S = 600.0
_ASK_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)  # the request that every broker answers first

_POM = f"""
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId><artifactId>tests</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
  </dependencies>
</project>
"""
_SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
"""


class KafkaServer:
    """A broker of its own that keeps what it holds in `folder`, on a port that it keeps over every start."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The broker as host:port."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and return once it answers; its first start also prepares the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        said = self._folder / "kafka.log"
        settings = self._folder / "server.properties"
        if not settings.exists():
            self._prepare(settings)
        with said.open("ab") as output:
            command = [*java(), "kafka.Kafka", str(settings)]
            self._process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        patience_end = time.monotonic() + _PATIENCE_S
        while not answers(self._port):
            if self._process.poll() is not None or time.monotonic() > patience_end:
                self.kill()
                raise RuntimeError(f"Kafka did not start: {said.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to end, which it does in good order."""
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

    def _prepare(self, settings: pathlib.Path) -> None:
        data = self._folder / "data"
        data.mkdir()
        settings.write_text(_SETTINGS.format(port=self._port, controller_port=free_port(), data=data))
        format_storage = [*java(), "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c"]
        subprocess.run([*format_storage, str(settings)], capture_output=True, check=True, timeout=_PATIENCE_S)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "it has not been started"
        os.killpg(self._process.pid, number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._signal(number)
                self._signal(signal.SIGCONT)
            self._process.wait(_PATIENCE_S)
            self._process = None


def answers(port: int) -> bool:
    """Return whether a broker listens on a port of this machine and knows the protocol."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(_ASK_VERSIONS)
            return len(connection.recv(4)) == 4
    except OSError:
        return False


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def java() -> list[str]:
    """Return how to run a class of Kafka; skip the test where that cannot be.

    The flags make a small process that starts fast, as a test wants it, and not one that is fast for hours.
    """
    if shutil.which("java") is None:
        pytest.skip(
            "needs Java to run an Apache Kafka of its own: noida-db, which stands in, promises nothing when killed"
        )
    flags = ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
    return ["java", *flags, "-cp", f"{jars()}/*"]


def jars() -> pathlib.Path:
    """Return the folder of Kafka's jars, fetching them where they are not there yet."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "alpha-panda"
    folder = cache / f"kafka-{VERSION}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as fetched:
            _fetch(pathlib.Path(fetched))
            # Whole or not at all: another run of the tests may be fetching too, and the first to be done wins.
            with contextlib.suppress(OSError):
                (pathlib.Path(fetched) / "jars").rename(folder)
    return folder


def _fetch(folder: pathlib.Path) -> None:
    if shutil.which("mvn") is None:
        pytest.skip(f"needs Maven to fetch Apache Kafka: install it, or name a broker in ${ADDRESS}")
    (folder / "pom.xml").write_text(_POM)
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=_FETCHING_S)
    if done.returncode:
        pytest.skip(f"Maven cannot fetch Apache Kafka {VERSION}: {done.stdout.strip()[:500]}")


@contextlib.contextmanager
def stand_in(folder: pathlib.Path) -> Iterator[str]:
    """Give the address of a noida-db that runs for as long as the context lasts."""
    program = pathlib.Path(noida_db.__file__).parent / "noida-db"
    port = free_port()
    command = [str(program), "start", "--data-dir", str(folder), "--only", "kafka", "--kafka-port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        patience_end = time.monotonic() + _PATIENCE_S
        while not answers(port):
            if process.poll() is not None or time.monotonic() > patience_end:
                raise RuntimeError(f"noida-db did not start: name a broker in ${ADDRESS}")
            time.sleep(0.02)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a broker that runs as long as the tests do."""
    folder = tmp_path_factory.mktemp("kafka")
    if address := os.environ.get(ADDRESS):
        yield address
    elif shutil.which("java") is None or shutil.which("mvn") is None:
        with stand_in(folder) as address:
            yield address
    else:
        server = KafkaServer(folder)
        server.start()
        yield server.address
        server.kill()


@pytest.fixture
def kafka_server(tmp_path: pathlib.Path) -> Iterator[KafkaServer]:
    """Give a running broker of the test's own, to do to it what happens to brokers."""
    server = KafkaServer(tmp_path / "kafka")
    server.start()
    yield server
    server.kill()
