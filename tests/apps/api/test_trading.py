"""What happened, through the API: every row of the log once, page by page, and what led to each order."""

from typing import Any

import pytest

from alpha_panda.live.build import open_log
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.messages import Decision, Fill, OrderUpdate, PnlSnapshot, Signal
from alpha_panda.units import ist_datetime
from tests.apps.api.asking import Served
from tests.live.trading import PAPER, messages_of

ON_TOPICS: dict[str, tuple[Any, type]] = {
    "/orders": ((PAPER.orders_submitted, PAPER.orders_filled, PAPER.orders_cancelled), OrderUpdate),
    "/fills": ((PAPER.orders_filled,), Fill),
    "/decisions": ((PAPER.signals_validated,), Decision),
    "/refusals": ((PAPER.signals_rejected,), Decision),
    "/signals": ((PAPER.signals_raw,), Signal),
    "/portfolio/equity": ((PAPER.pnl_snapshots,), PnlSnapshot),
}


async def on_the_log(panda: Served, path: str) -> list[Envelope]:
    """Return the messages that a history is made of."""
    topics, kind = ON_TOPICS[path]
    async with open_log(panda.api.desk.state, read_only=True) as log:
        return [each for each in await messages_of(log, *topics) if isinstance(each.data, kind)]


async def all_pages(panda: Served, path: str, limit: int) -> list[Any]:
    """Return all rows of a history, read with pages of `limit`."""
    rows, cursor = [], None
    while True:
        asked = {"limit": limit, **({"cursor": cursor} if cursor else {})}
        page = await panda.get(path, params=asked)
        assert len(page["rows"]) <= limit
        rows += page["rows"]
        cursor = page["following"]
        if cursor is None:
            return rows


def written(time_ns: int) -> str:
    """Return an instant as JSON has it."""
    return ist_datetime(time_ns).isoformat(timespec="microseconds")


@pytest.mark.parametrize("path", sorted(ON_TOPICS))
@pytest.mark.parametrize("limit", [3, 500])
async def test_a_history_holds_every_message_once_newest_first(panda: Served, path: str, limit: int):
    rows, messages = await all_pages(panda, path, limit), await on_the_log(panda, path)
    assert len(rows) == len(messages)
    names = {"/orders": "updated"}
    times = [row[names.get(path, "time")] for row in rows]
    assert times == sorted(times, reverse=True)
    assert sorted(times) == sorted(written(each.time_ns) for each in messages)
    assert rows == (await all_pages(panda, path, 7))


async def test_a_fill_says_what_the_log_says_with_its_charges_itemised(panda: Served):
    (row, *_), messages = await all_pages(panda, "/fills", 500), await on_the_log(panda, "/fills")
    fill = messages[-1].data
    assert isinstance(fill, Fill)
    assert (row["price_e4"], row["quantity"], row["realised_e4"]) == (fill.price_e4, fill.quantity, fill.realised_e4)
    assert row["charges"]["total_e4"] == fill.charges.total_e4
    assert sum(amount for name, amount in row["charges"].items() if name != "total_e4") == fill.charges.total_e4


async def test_an_order_shows_the_way_from_its_event_to_its_fill(panda: Served):
    (fill, *_) = (await panda.get("/fills"))["rows"]
    lineage = await panda.get(f"/orders/{fill['order_id']}/lineage")
    said = [step["says"] for step in lineage["steps"]]
    assert [each["what"] for each in said][-2:] == ["fill", "order"]
    assert fill in said
    decision = next(each for each in said if each["what"] == "decision")
    assert decision["order_id"] == fill["order_id"]
    assert lineage["finished"] is True


async def test_an_order_that_nobody_made_is_not_found(panda: Served):
    answer = await panda.client.get("/api/v1/orders/999999/lineage", headers={"as": "vera"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert "has made no order 999999" in answer.json()["error"]["message"]
    for number in ("0", "-1", "1e9", str(2**63), "nobody"):
        answer = await panda.client.get(f"/api/v1/orders/{number}/lineage", headers={"as": "vera"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


@pytest.mark.parametrize("cursor", ["nonsense", "paper.journal:0", "paper.signals.rejected:999999999", "../../etc"])
async def test_a_refusal_that_there_is_not_is_not_found(panda: Served, cursor: str):
    answer = await panda.client.get(f"/api/v1/refusals/{cursor}/lineage", headers={"as": "vera"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("cursor", ["nonsense", "1", "paper.journal:0", "%00", "9" * 200])
async def test_a_cursor_that_came_with_no_page_is_refused(panda: Served, cursor: str):
    answer = await panda.client.get("/api/v1/orders", headers={"as": "vera"}, params={"cursor": cursor})
    assert answer.status_code == 422
    assert "cursor" in answer.json()["error"]["message"]


async def test_a_page_holds_from_one_to_five_hundred_rows(panda: Served):
    for limit in ("0", "501", "-1", "many"):
        answer = await panda.client.get("/api/v1/orders", headers={"as": "vera"}, params={"limit": limit})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
        assert answer.json()["error"]["message"].startswith("limit in the query: ")


async def test_histories_say_so_while_the_log_is_away(snap: Served):
    answer = await snap.client.get("/api/v1/orders", headers={"as": "vera"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "log_away")
    assert (await snap.get("/orders/now"))["rows"], "what was seen last is still shown"
