"""The tear sheet is one file: every chart is drawn, nothing is asked of anybody, and nothing in it can act."""

import base64
import hashlib
import json
import pathlib
import re
import sys
from collections.abc import Callable, Generator

import pytest
from playwright.sync_api import Browser, Page

import alpha_panda
from alpha_panda.apps.tearsheet import report
from alpha_panda.apps.tearsheet.page import bundle
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.backtest.stats.text import shown
from alpha_panda.backtest.validate.resampling import bootstrap
from alpha_panda.backtest.validate.walk_forward import WalkForward, walk_forward
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import ingest
from alpha_panda.errors import ConfigurationError
from alpha_panda.units import format_rupees
from tests.apps.charts.test_charts import SWEPT
from tests.backtest.questions import HOLD, ROOT, question, small_market
from tests.browser import Witness

Opened = Callable[[pathlib.Path], tuple[Page, Witness]]

DRAWN = "html[data-drawn=yes]"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def walked(years: Result) -> WalkForward:
    """Return the same crossover, its parameters chosen anew before each half year."""
    grid = {"fast": [5, 10], "slow": [20, 30]}
    return walk_forward(
        years.profile, train=500, test=125, grid=grid, events=years.events, universe=years.universe, workers=1
    )


@pytest.fixture(scope="module")
def sheet(years: Result, walked: WalkForward, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return a tear sheet with everything that one may have."""
    drawn = bootstrap(years.daily["return"], paths=100, initial=years.initial)
    path = tmp_path_factory.mktemp("sheet") / "report.html"
    return report(years, path, monte_carlo=drawn, walk_forward=walked, sweep=SWEPT)


@pytest.fixture
def opened(browser: Browser) -> Generator[Opened]:
    """Give a function that opens a file as a reader would whose machine is offline."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})

    def open_page(path: pathlib.Path) -> tuple[Page, Witness]:
        page = context.new_page()
        witness = Witness.of(page)
        page.goto(path.as_uri())
        page.wait_for_selector(DRAWN)
        return page, witness

    yield open_page
    context.close()


def test_every_chart_is_drawn_and_nobody_is_asked(sheet: pathlib.Path, opened: Opened):
    page, witness = opened(sheet)
    boxes = [plot.bounding_box() for plot in page.locator("figure .plot svg").all()]
    assert len(boxes) == page.locator("figure").count() == 13
    assert all(box and box["width"] > 400 and box["height"] > 100 for box in boxes)
    assert all(plot.locator("path, line, text").count() > 10 for plot in page.locator("figure .plot").all())
    assert witness.addresses == [sheet.as_uri()]
    assert witness.complaints == []


def test_a_page_asked_to_reach_out_cannot(sheet: pathlib.Path, opened: Opened):
    page, witness = opened(sheet)
    assert page.evaluate("fetch('http://127.0.0.1:9').catch(error => error.name)") == "TypeError"
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/pixel'}))")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    assert page.evaluate("window.ran") is None
    assert sum("Content Security Policy" in complaint for complaint in witness.complaints) >= 3


def test_the_page_says_what_the_result_says(sheet: pathlib.Path, years: Result, opened: Opened):
    page, _ = opened(sheet)
    text = page.inner_text("main")
    for words in (
        "Not significant",
        format_rupees(int(years.account["equity_e4"][0])),
        f"{len(years.trades)}",
        years.ledger_hash,
        "Stamp Duty",
        "3 Jan 2022 to 30 Dec 2025",
    ):
        assert words in text
    best = years.trades.sort("net")["net"][-1]
    assert format_rupees(round(best * 10_000), signed=True) in text


def test_the_windows_of_a_walk_forward_are_told(sheet: pathlib.Path, walked: WalkForward, opened: Opened):
    page, _ = opened(sheet)
    card = page.locator("section", has_text="Windows of the walk forward")
    assert card.locator("tbody tr").count() == len(walked.windows) == 4
    assert card.locator(".headlines dd").first.inner_text() == shown("Return [%]", walked.stats["Return [%]"])
    first = walked.windows.row(0, named=True)
    assert card.locator("tbody tr").first.inner_text().split("\t")[1:3] == [f"{first['fast']}", f"{first['slow']}"]


def test_a_slider_moves_the_heat_map(sheet: pathlib.Path, opened: Opened):
    page, witness = opened(sheet)
    heat_map = page.locator("figure", has=page.locator("input[type=range]"))
    before = heat_map.locator("svg").inner_html()
    heat_map.locator("input").fill("0.01")
    assert heat_map.locator("svg").inner_html() != before
    assert witness.complaints == []


def test_the_pointer_reads_the_equity(sheet: pathlib.Path, years: Result, opened: Opened):
    page, _ = opened(sheet)
    box = page.locator("#plot-0 svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#vg-tooltip-element.visible")
    told = page.inner_text("#vg-tooltip-element")
    assert re.search(r"Strategy ₹\s+\d,?\d\d,\d{3}\.\d\d", told)


def test_times_are_ist_wherever_the_reader_is(years: Result, tmp_path: pathlib.Path, browser: Browser):
    path, seen = report(years, tmp_path / "report.html"), []
    for zone in ("Asia/Kolkata", "America/Los_Angeles"):
        page = browser.new_context(timezone_id=zone).new_page()
        page.goto(path.as_uri())
        page.wait_for_selector(DRAWN)
        seen.append(re.sub(r"view_\w+|clip\d+|gradient_\d+", "", page.inner_html("main")))
    assert seen[0] == seen[1]


def test_the_page_follows_the_reader_s_setting_and_prints_light(sheet: pathlib.Path, opened: Opened):
    page, _ = opened(sheet)
    line = page.locator("#plot-0 .mark-line path").first
    colour = "element => getComputedStyle(element).stroke"
    assert line.evaluate(colour) == "rgb(31, 111, 214)"
    page.emulate_media(color_scheme="dark")
    assert line.evaluate(colour) == "rgb(90, 162, 255)"
    page.emulate_media(color_scheme="dark", media="print")
    assert line.evaluate(colour) == "rgb(31, 111, 214)"


def test_names_with_markup_are_inert(tmp_path: pathlib.Path, opened: Opened):
    universe, events = small_market(100.0, 101.0, 102.0, 103.0, symbols=("NSE:M&M",))
    asked = question({"strategy": "hold", "product": "MIS"})
    result = run(asked, events=events, universe=universe, strategies=HOLD)
    evil = "<img src=x onerror=alert(1)>\"'</title></script><script>alert(2)</script>"
    path = tmp_path / "report.html"
    page, witness = opened(report(result, path, title=evil))
    assert page.inner_text("h1") == evil
    assert page.title() == f"{evil} · Alpha Panda"
    assert page.locator("img, main script").count() == 0
    assert "NSE:M&M" in page.inner_text("header p")
    assert "NSE:M&M" in page.locator("svg text").all_text_contents()
    assert witness.complaints == []
    assert witness.addresses == [path.as_uri()]


def test_the_policy_allows_what_stands_in_the_page_and_nothing_else(sheet: pathlib.Path):
    text = sheet.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    allowed = policy[1].replace("&#x27;", "'")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert len(scripts) == 2
    for inside in (*scripts, style):
        assert base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode() in allowed
    assert allowed.startswith("default-src 'none'")
    assert "unsafe" not in allowed
    assert "style=" not in text.split("<script")[0]


def test_one_bundle_serves_all_charts_in_a_few_megabytes(sheet: pathlib.Path):
    text = sheet.read_text()
    charts = json.loads(text.partition('id="charts">')[2].partition("</script>")[0])
    assert len(charts) == 13
    assert text.count("window.vegaEmbed") == 1
    assert sheet.stat().st_size < 3 * MEGABYTE


def test_the_same_result_gives_the_same_bytes(years: Result, tmp_path: pathlib.Path):
    one, other = report(years, tmp_path / "one.html"), report(years, tmp_path / "other.html")
    assert one.read_bytes() == other.read_bytes()


def test_a_run_that_never_traded_has_a_tear_sheet(tmp_path: pathlib.Path, opened: Opened):
    universe, events = small_market(100.0, 100.0)
    result = run(question(), events=events, universe=universe)
    page, witness = opened(report(result, tmp_path / "report.html"))
    assert "Too short to judge" in page.inner_text(".verdict")
    assert "No trade was closed." in page.locator("svg text").all_text_contents()
    assert witness.complaints == []


def test_real_minutes_have_a_tear_sheet(
    shared_file: Callable[[str], pathlib.Path], tmp_path: pathlib.Path, opened: Opened
):
    catalog = Catalog(tmp_path / "data")
    ingest([shared_file("minute/stocks_1min_2024_2025.parquet")], catalog)
    study = ROOT / "backtest/three_strategies_minutes.toml"
    result = run(study, data=catalog, first="2024-05-02", last="2024-05-31")
    page, witness = opened(report(result, tmp_path / "report.html"))
    assert page.locator("figure svg").count() == page.locator("figure").count()
    assert witness.complaints == []


def test_a_place_that_cannot_be_written_is_said(years: Result, tmp_path: pathlib.Path):
    with pytest.raises(ConfigurationError, match="cannot be written"):
        report(years, tmp_path / "nowhere" / "report.html")


def test_a_sweep_of_one_parameter_is_refused(years: Result, tmp_path: pathlib.Path):
    with pytest.raises(ConfigurationError, match="in which two parameters vary"):
        report(years, tmp_path / "report.html", sweep=SWEPT.filter(fast=5).drop("stop"))
    assert not (tmp_path / "report.html").exists()


def test_without_vl_convert_one_is_told_what_to_install(
    years: Result, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    bundle.cache_clear()
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ConfigurationError, match=r"needs vl-convert-python: .*alpha-panda\[notebooks\]"):
        report(years, tmp_path / "report.html")


def test_report_is_found_in_the_package():
    assert alpha_panda.report is report
