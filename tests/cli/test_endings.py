"""Endings that a user forces: a pipe that nobody reads any more, an interrupt in the middle of a question."""

import pathlib
import signal
import subprocess
import sys

from tests.cli.conftest import ROOT

COMMAND = (sys.executable, "-m", "alpha_panda.cli")


def test_a_pipe_that_closes_early_is_no_defect():
    with subprocess.Popen(
        [*COMMAND, "data", "calendar", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (141, b"")


def test_a_session_that_is_interrupted_before_it_is_even_imported_ends_quietly():
    """It sends itself the signal as soon as it imports something of ours."""
    script = (
        "import runpy, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        name == 'alpha_panda.chain' and signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "runpy.run_module('alpha_panda.live', run_name='__main__')\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, cwd=ROOT)
    assert (answer.returncode, answer.stdout, answer.stderr) == (130, b"", b"")


def test_a_question_in_sql_is_interrupted_like_any_command(catalog: pathlib.Path):
    endless = "SELECT count(*) FROM bars_1m a, bars_1m b, bars_1m c, bars_1m d, bars_1m e"
    begun = "import sys; from alpha_panda.cli import main; print('begun', flush=True); sys.exit(main({}))"
    arguments = ["data", "sql", endless, "--data", str(catalog)]
    with subprocess.Popen(
        [sys.executable, "-c", begun.format(arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"begun\n"
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()  # one that hears nothing must not keep the tests waiting
        assert (process.wait(), process.stderr.read()) == (130, b"")
        assert process.stdout.read() == b""  # DuckDB would draw its progress there
