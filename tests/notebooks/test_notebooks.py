"""Every notebook as a script, under pytest and as an app in a browser that nobody outside hears of."""

import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import Witness
from tests.notebooks.serving import NOTEBOOKS, served

EVERY = sorted(NOTEBOOKS.glob("*.py"))
LOAD_MS = 60_000

every_notebook = pytest.mark.parametrize("notebook", EVERY, ids=lambda path: path.stem)

# All that a reader can see, inside the parts of the page too: the words, and what is drawn.
SEEN = """() => {
    const parts = [document.body.innerText];
    const walk = root => root.querySelectorAll("*").forEach(each => {
        if (each.shadowRoot) { parts.push(each.shadowRoot.textContent); walk(each.shadowRoot); }
        if (each.tagName === "CANVAS") parts.push(each.toDataURL());
    });
    walk(document);
    return parts.join("");
}"""
CHART = "canvas.marks, svg.marks"


def test_there_is_a_notebook_for_each_part_of_research():
    assert [path.stem for path in EVERY] == [
        "explore_data",
        "futures_and_options",
        "paper_against_backtest",
        "research_strategy",
        "sweep_heat_map",
        "walk_forward",
    ]


def test_marimo_finds_nothing_wrong():
    checked = subprocess.run([sys.executable, "-m", "marimo", "check", "--strict", *map(str, EVERY)], check=False)
    assert checked.returncode == 0


@every_notebook
def test_a_notebook_runs_as_a_script_where_there_is_no_data(notebook: pathlib.Path, tmp_path: pathlib.Path):
    run = subprocess.run([sys.executable, str(notebook)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_notebooks_prove_themselves_under_pytest(tmp_path: pathlib.Path):
    # As in a workspace of one's own: with pytest's defaults, not with the strictness of this project.
    defaults = ["-c", os.devnull, "--rootdir", str(NOTEBOOKS), "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-v", *defaults, *map(str, EVERY)]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    proven = {pathlib.Path(line.split("::")[0]).stem for line in run.stdout.splitlines() if " PASSED" in line}
    assert proven == {path.stem for path in EVERY}


@every_notebook
def test_a_notebook_answers_in_a_browser_while_a_slider_moves(
    notebook: pathlib.Path, tmp_path: pathlib.Path, browser: Browser
):
    with served(notebook, tmp_path) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        witness = Witness.of(page)
        page.goto(address)
        page.locator(CHART).first.wait_for(timeout=LOAD_MS)
        settle(page)
        before = page.evaluate(SEEN)
        move(page)
        page.wait_for_function(f"before => ({SEEN})() !== before", arg=before, timeout=LOAD_MS)
        settle(page)
        assert "Traceback" not in page.inner_text("body")
        assert list(witness.outside(address, address.replace("http", "ws"))) == []
        page.close()


def move(page: Page) -> None:
    """Move what the notebook offers a hand: its first slider, or else the choice in its last list."""
    slider: Any = page.get_by_role("slider").first
    if slider.count():
        slider.focus()
        at_end = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
        for _ in range(3):
            slider.press("ArrowLeft" if at_end else "ArrowRight")
        return
    choice: Any = page.locator("select").last
    values = choice.locator("option").evaluate_all("options => options.map(each => each.value)")
    choice.select_option(values[1])


def settle(page: Page) -> None:
    """Wait until no cell of the notebook is at work."""
    page.wait_for_function(
        "() => !document.querySelector('.running, [data-status=running], [data-status=queued]')", timeout=LOAD_MS
    )
    page.wait_for_timeout(500)
