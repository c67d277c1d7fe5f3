"""A notebook as an app on a port of its own, until the test is over."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator

import pytest

START_S = 60

NOTEBOOKS = pathlib.Path(__file__).parents[2] / "notebooks"


@contextlib.contextmanager
def served(notebook: pathlib.Path, home: pathlib.Path) -> Generator[str]:
    """Serve `notebook` as an app started in the folder `home`, and give its address."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "marimo", "run", str(notebook), "--headless", "--port", str(port), "--no-token"]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, stdout=log, stderr=subprocess.STDOUT, env=os.environ)
        try:
            _wait_for(address)
            yield address
        finally:
            server.terminate()
            server.wait(10)


def _free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def _wait_for(address: str) -> None:
    deadline_s = time.monotonic() + START_S
    while not _answers(address):
        if time.monotonic() > deadline_s:
            pytest.fail(f"the notebook at {address} did not answer within {START_S} seconds")
        time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=1) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
