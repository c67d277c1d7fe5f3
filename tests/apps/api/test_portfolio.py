"""The portfolio through the API: each answer is the part of the desk's picture that it says, and nothing else."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from alpha_panda.units import ist_datetime
from tests.apps.api.asking import Served


def written(shown: Sequence[BaseModel]) -> list[Any]:
    """Return models as JSON has them."""
    return [each.model_dump(mode="json", by_alias=True) for each in shown]


async def test_the_picture_is_answered_whole(snap: Served):
    answer = await snap.get("/picture")
    assert [answer] == written([snap.api.desk.picture])
    assert answer["account"]["equity_e4"] == snap.api.desk.picture.account.equity_e4


async def test_a_picture_that_is_known_is_not_sent_again(snap: Served):
    answer = await snap.client.get("/api/v1/picture", headers={"as": "vera"})
    tag = answer.headers["etag"]
    assert tag == f'"first.{snap.api.desk.picture.number}"'
    again = await snap.client.get("/api/v1/picture", headers={"as": "vera", "if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    older = await snap.client.get("/api/v1/picture", headers={"as": "vera", "if-none-match": '"first.0"'})
    assert older.status_code == 200


async def test_a_picture_is_written_once_however_many_ask(snap: Served):
    now = snap.api.desk.picture
    assert snap.api.written.of(now) is snap.api.written.of(now)
    later = now.model_copy(update={"number": now.number + 1})
    assert snap.api.written.of(later) != snap.api.written.of(now)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/portfolio/positions", "positions"),
        ("/portfolio/limits", "limits"),
        ("/portfolio/curve", "curve"),
        ("/orders/now", "orders"),
        ("/refusals/counts", "refusals"),
        ("/happenings", "happenings"),
        ("/strategies", "strategies"),
        ("/pipeline/stages", "stages"),
    ],
)
async def test_rows_are_those_of_the_picture_with_its_moment(snap: Served, path: str, part: str):
    now = snap.api.desk.picture
    answer = await snap.get(path)
    assert answer["rows"] == written(getattr(now, part))
    assert answer["rows"], "nothing is compared"
    moment = answer["moment"]
    assert (moment["picture"], moment["sources"]) == (now.number, written(now.sources))
    assert moment["taken"] == ist_datetime(now.taken_ns).isoformat(timespec="microseconds")


async def test_the_portfolio_is_one_moment_of_all_that_belongs_to_it(snap: Served):
    now, answer = snap.api.desk.picture, await snap.get("/portfolio")
    assert answer["account"] == written([now.account])[0]
    for part in ("limits", "strategies", "positions", "refusals"):
        assert answer[part] == written(getattr(now, part))
    assert (answer["phase"], answer["killed"], answer["latch"]) == (now.phase, False, None)


async def test_the_account_says_whether_it_is_killed(snap: Served):
    answer = await snap.get("/portfolio/account")
    assert answer["account"] == written([snap.api.desk.picture.account])[0]
    assert answer["killed"] is False


async def test_positions_are_asked_for_by_strategy_instrument_and_whether_they_are_open(snap: Served):
    rows = (await snap.get("/portfolio/positions"))["rows"]
    one = rows[0]
    asked = {"strategy": one["strategy"], "symbol": one["symbol"]}
    assert (await snap.get("/portfolio/positions", params=asked))["rows"] == [one]
    held = (await snap.get("/portfolio/positions", params={"is_open": True}))["rows"]
    assert held == [row for row in rows if row["quantity"]]
    assert (await snap.get("/portfolio/positions", params={"strategy": "nobody"}))["rows"] == []
