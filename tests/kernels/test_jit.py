"""Compiled code is found again by the next process, and is never older than any source that it came from."""

import os
import pathlib
import shutil
import subprocess
import sys
import types
from typing import Any

import numpy as np
import pytest

from alpha_panda.kernels import jit, kernel
from alpha_panda.kernels.aggregate import copy_event
from alpha_panda.kernels.records import EVENT
from alpha_panda.kernels.replay import strategy_block, sweep_block
from alpha_panda.strategy import Strategy, load_strategy, strategy_from

ROOT = pathlib.Path(__file__).parents[2]


# ── In processes of their own ────────────────────────────────────────────────────────────────────────────────────────


def _answer_template(bars: Any) -> float:
    """Show a copy of the first bar to a strategy: a block kernel as small as can be."""
    copy_event(bars[1], bars[0])
    return _step(0, 0, bars[1])


@kernel
def _step(state: Any, params: Any, bar: Any) -> float:
    return 0.0


def target_of(strategy: Strategy) -> float:
    """Return what a strategy says to a bar with a volume of a thousand."""
    bars = np.zeros(2, EVENT)
    bars["volume"][0] = 1_000
    return float(jit.block_kernel(_answer_template, _step=strategy.step)(bars))


def say(path: str) -> None:
    """Print what the strategy in a file says; the tests run this in new processes."""
    sys.stdout.write(repr(target_of(load_strategy(path))))


def say_cell(source: str) -> None:
    """Print what a strategy says whose source has no file, like the cell of a notebook."""
    sys.stdout.write(repr(target_of(cell(source))))


def cell(source: str) -> Strategy:
    """Return the strategy of a notebook cell."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell 3>", "exec"), names)
    return strategy_from(types.SimpleNamespace(**names), "cell")


def in_a_new_process(said_by: str, argument: str, cache: pathlib.Path, package: pathlib.Path = ROOT) -> float:
    """Return what `said_by` prints in a new process with this cache and this copy of the package."""
    finished = subprocess.run(
        [sys.executable, "-c", f"import sys; from {__name__} import {said_by} as run; run(sys.argv[1])", argument],
        cwd=cache.parent,
        env={**os.environ, "ALPHA_PANDA_CACHE": str(cache), "PYTHONPATH": os.pathsep.join(map(str, (package, ROOT)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return float(finished.stdout)


@pytest.fixture
def cache(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return an empty folder for compiled code."""
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


def compiled(cache: pathlib.Path) -> dict[str, tuple[int, int]]:
    """Return the files of compiled code with the inode and the time of each."""
    files = [path for path in cache.rglob("*") if path.suffix in (".nbi", ".nbc")]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


SOURCE = '''"""Ask for a constant that a helper decides."""

import numpy as np

from alpha_panda.kernels import kernel, record

STATE = record(("unused", "i8"))
TENTHS = 5


@kernel
def share(bar):
    return TENTHS / 10 * (bar.volume / 1_000)


@kernel
def step(state, params, bar):
    return share(bar)
'''


def written(path: pathlib.Path, source: str) -> str:
    """Write a source and return its path, with a time in the past that no edit will change."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(source)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return str(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("TENTHS = 5", "TENTHS = 3"),  # a constant of the module
        ("bar.volume / 1_000", "bar.volume / 2_000"),  # a helper, edited without a trace in size or time
    ],
)
def test_an_edited_strategy_never_runs_its_old_code(
    before: str, after: str, tmp_path: pathlib.Path, cache: pathlib.Path
):
    path = tmp_path / "strategies" / "mine.py"
    assert in_a_new_process("say", written(path, SOURCE), cache) == 0.5
    edited = {"TENTHS = 3": 0.3, "bar.volume / 2_000": 0.25}[after]
    assert in_a_new_process("say", written(path, SOURCE.replace(before, after)), cache) == edited


def test_an_edited_kernel_is_seen_by_what_was_compiled_with_it(tmp_path: pathlib.Path, cache: pathlib.Path):
    path = written(tmp_path / "strategies" / "mine.py", SOURCE)
    package = tmp_path / "copy"
    shutil.copytree(ROOT / "alpha_panda", package / "alpha_panda", ignore=shutil.ignore_patterns("__pycache__"))
    assert in_a_new_process("say", path, cache, package) == 0.5
    helper = package / "alpha_panda" / "kernels" / "aggregate.py"
    original = helper.read_text()
    edited = original.replace("target.volume = source.volume", "target.volume = source.volume // 2")
    assert edited != original
    helper.write_text(edited)
    assert in_a_new_process("say", path, cache, package) == 0.25


def test_one_strategy_never_runs_the_code_of_another(tmp_path: pathlib.Path, cache: pathlib.Path):
    folder = tmp_path / "strategies"
    one = written(folder / "one.py", SOURCE)
    other = written(folder / "two.py", SOURCE.replace("TENTHS = 5", "TENTHS = 7"))
    same_name = written(tmp_path / "elsewhere" / "one.py", SOURCE.replace("TENTHS = 5", "TENTHS = 9"))
    said = [in_a_new_process("say", path, cache) for path in (one, other, same_name, one)]
    assert said == [0.5, 0.7, 0.9, 0.5]


def test_the_second_process_finds_the_code_of_the_first(tmp_path: pathlib.Path, cache: pathlib.Path):
    path = written(tmp_path / "strategies" / "mine.py", SOURCE)
    in_a_new_process("say", path, cache)
    files = compiled(cache)
    assert files
    in_a_new_process("say", path, cache)
    assert compiled(cache) == files


def test_a_strategy_of_a_notebook_cell_runs_and_is_not_cached(cache: pathlib.Path):
    assert in_a_new_process("say_cell", SOURCE, cache) == 0.5
    assert compiled(cache) == {}
    assert in_a_new_process("say_cell", SOURCE.replace("TENTHS = 5", "TENTHS = 2"), cache) == 0.2


# ── In this process ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cell_that_is_run_again_with_an_edit_runs_the_edit():
    assert target_of(cell(SOURCE)) == 0.5
    assert target_of(cell(SOURCE.replace("TENTHS = 5", "TENTHS = 4"))) == 0.4
    assert target_of(cell(SOURCE)) == 0.5


def test_each_strategy_has_block_kernels_of_its_own():
    one, other = (cell(SOURCE.replace("TENTHS = 5", f"TENTHS = {tenths}")).step for tenths in (5, 6))
    for block in (strategy_block, sweep_block):
        names = {jit.python_function(block(step, None)).__qualname__ for step in (one, other, one)}
        assert len(names) == 2
        assert block(one, None) is block(one, None)


def digest(source: str) -> str:
    """Return the digest of the `step` that a source defines."""
    names: dict[str, Any] = {"__name__": "written_in_a_test"}
    exec(compile(source, "<source>", "exec"), {**names, "kernel": kernel, "names": names})
    return jit.sources_digest({"_step": names["step"]})


PARTS = """
LIMITS = (1, 2, 3)
FACTOR = 6
OFFSET = 7
TABLE = None
def below(x, level=8):
    def scaled(y):
        return y * FACTOR + level
    return scaled(x) < LIMITS[1] + sum([x + OFFSET for x in LIMITS])
@kernel
def middle(x):
    return 1 if below(x) else 0
def enclosing(y):
    @kernel
    def step(state, params, bar):
        '''Say something.'''
        return middle(bar) + y
    return step
names["step"] = enclosing(4)
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LIMITS = (1, 2, 3)", "LIMITS = (1, 9, 3)"),  # a constant of a helper of a helper
        ("FACTOR = 6", "FACTOR = 9"),  # a constant that only a nested function reads
        ("OFFSET = 7", "OFFSET = 9"),  # and one that only a comprehension reads
        ("level=8", "level=9"),  # a default
        ("(x) < LIMITS[1]", "(x) > LIMITS[1]"),  # a comparison in a plain helper
        ("1 if below(x) else 0", "2 if below(x) else 0"),
        ("enclosing(4)", "enclosing(5)"),  # a closed-over value
        ("+ y", "- y"),
    ],
)
def test_whatever_a_step_reaches_is_in_its_digest(before: str, after: str):
    assert PARTS.count(before) == 1
    assert digest(PARTS) == digest(PARTS)
    assert digest(PARTS.replace(before, after)) != digest(PARTS)


def test_what_a_step_does_not_reach_is_not_in_its_digest():
    assert digest(PARTS.replace("TABLE = None", "TABLE = 5")) == digest(PARTS)


def test_the_folder_of_the_cache_is_named_by_every_kernel_source(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    kernels = tmp_path / "kernels"
    shutil.copytree(pathlib.Path(jit.__file__).parent, kernels, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(jit, "__file__", str(kernels / "jit.py"))
    digests = {jit.kernels_digest()}
    for source in sorted(kernels.glob("*.py")):
        text = source.read_text()
        source.write_text(text + "\n")
        digests.add(jit.kernels_digest())
        source.write_text(text)
    assert len(digests) == 1 + len(list(kernels.glob("*.py")))
    assert jit.kernels_digest() in digests


def test_the_caches_of_older_sources_are_removed_beyond_the_newest_few(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ALPHA_PANDA_CACHE", str(tmp_path))
    folder = tmp_path / "alpha-panda" / "kernels"
    for age in range(12):
        old = folder / f"old{age:02d}"
        old.mkdir(parents=True)
        (old / "code.nbc").write_bytes(b"machine code")
        os.utime(old, (1_700_000_000 - age, 1_700_000_000 - age))
    directory = jit.cache_directory()
    assert directory.parent == folder
    kept = {path.name for path in folder.iterdir()}
    assert kept == {directory.name, *(f"old{age:02d}" for age in range(7))}
    assert jit.cache_directory() == directory
    assert {path.name for path in folder.iterdir()} == kept


def test_borrowing_an_array_changes_nothing_in_it():
    @kernel
    def through(array):
        return jit.borrow(array)[0] + jit.borrow(array)[1]

    assert through(np.array([1, 2])) == 3
