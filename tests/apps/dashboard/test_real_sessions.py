"""The pages' words over a session that really traded: every figure is what its log says."""

import pathlib
import re

import pytest

from alpha_panda.apps.dashboard import orders, positions, system
from alpha_panda.apps.dashboard.chain import chain, exact
from alpha_panda.apps.desk.models import Decision, Fill
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.words import figures_of
from tests.apps.desk_at_work import at_work, seen, traded_morning
from tests.live.past.eventful import run_eventful


@pytest.fixture
async def session(tmp_path: pathlib.Path) -> pathlib.Path:
    return await traded_morning(tmp_path / "session")


async def test_the_way_of_an_order_shows_its_fills_and_their_charges(session: pathlib.Path):
    async with at_work(session) as desk:
        picture = await seen(desk, lambda picture: bool(picture.orders) and picture.account is not None)
        filled = next(order for order in picture.orders if order.filled)
        lineage = await desk.lineage(filled.order_id)
    markup = chain(lineage)
    kinds = re.findall(r'class="link (\w+)"', markup)
    assert kinds.index("signal") < kinds.index("decision") < kinds.index("order") < kinds.index("fill")
    fills = [step.says for step in lineage.steps if isinstance(step.says, Fill)]
    assert sum(fill.quantity for fill in fills) == filled.filled
    for fill in fills:
        assert exact(fill.charges.total_e4) in markup


async def test_a_refusal_shows_the_figures_that_the_log_has(tmp_path: pathlib.Path):
    async with SqliteLog(tmp_path / "session") as log:
        await run_eventful(log, 1)
    async with at_work(tmp_path / "session") as desk:
        picture = await seen(desk, lambda picture: bool(picture.refusals) and bool(picture.decisions))
        page = await desk.history("refusals", None, 500)
        refused = [each for each in page.rows if isinstance(each, Decision)]
        markup = chain(await desk.lineage_of(refused[-1].cursor))
    measured, allowed = figures_of(refused[-1].code, refused[-1].figure, refused[-1].limit)
    assert f">{measured}<" in markup
    assert f">{allowed}<" in markup
    assert sum(each.count for each in picture.refusals) >= len(refused) > 0


async def test_tables_take_a_real_picture(session: pathlib.Path):
    async with at_work(session) as desk:
        picture = await seen(desk, lambda picture: bool(picture.positions) and bool(picture.stages))
    assert len(list(positions.holdings(picture.positions))) == len(picture.positions)
    assert len(list(orders.order_rows(picture.orders))) == len(picture.orders)
    assert {row["key"] for row in system.stage_rows(picture.stages)} == set(map(system.key_of, picture.stages))
