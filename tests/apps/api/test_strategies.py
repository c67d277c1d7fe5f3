"""Strategies through the API: how they run, and what administrators tell them, in versions with who and why."""

import tomllib
from typing import Any

import pytest

from tests.apps.api.asking import Served
from tests.live.trading import PAPER_TOML

MOMENTUM: dict[str, Any] = next(
    table for table in tomllib.loads(PAPER_TOML.read_text())["strategies"] if table["name"] == "momentum"
)


async def told(
    snap: Served, terms: dict[str, Any], who: str = "asha", reason: str = "calmer", made_from: str | None = None
) -> Any:
    """Return the answer to new terms of momentum."""
    said = {"terms": terms, "reason": reason, "made_from": made_from}
    return await snap.client.put("/api/v1/strategies/momentum", headers={"as": who}, json=said)


async def test_a_strategy_shows_what_it_runs_with(snap: Served):
    shown = next(each for each in snap.api.desk.picture.strategies if each.name == "momentum")
    assert await snap.get("/strategies/momentum") == shown.model_dump(mode="json", by_alias=True)


async def test_what_is_set_is_a_version_and_the_same_again_is_none(snap: Served):
    first = (await told(snap, MOMENTUM)).json()
    assert (first["version"], first["who"], first["reason"], first["terms"]) == (1, "asha", "calmer", MOMENTUM)
    assert (await told(snap, MOMENTUM)).json() == first
    other = {**MOMENTUM, "interval": "5m"}
    second = (await told(snap, other)).json()
    assert second["version"] == 2
    assert second["digest"] != first["digest"]
    assert (await snap.get("/strategies/momentum/versions"))["rows"] == [second, first]
    assert (await snap.get("/strategies/configured"))["rows"] == [second]


async def test_a_change_of_terms_that_somebody_has_changed_meanwhile_is_refused(snap: Served):
    first = (await told(snap, MOMENTUM, made_from="")).json()
    assert (await told(snap, {**MOMENTUM, "interval": "5m"}, made_from=first["digest"])).status_code == 200
    late = await told(snap, {**MOMENTUM, "interval": "3m"}, made_from=first["digest"])
    assert (late.status_code, late.json()["error"]["code"]) == (422, "cannot_be")
    assert "has set version 2 of strategy momentum meanwhile" in late.json()["error"]["message"]


async def test_a_strategy_is_disabled_and_enabled_for_the_next_session(snap: Served):
    await told(snap, MOMENTUM)
    disabled = (await snap.post("/strategies/momentum/disable", "asha", json={"reason": "it loses"})).json()
    assert (disabled["enabled"], disabled["version"], disabled["reason"]) == (False, 2, "it loses")
    enabled = (await snap.post("/strategies/momentum/enable", "asha")).json()
    assert (enabled["enabled"], enabled["version"]) == (True, 3)
    rows = (await snap.get("/audit", "asha"))["rows"]
    assert [(row["action"], row["target"], row["outcome"]) for row in rows] == [
        ("strategy.enable", "momentum", "done"),
        ("strategy.disable", "momentum", "done"),
        ("strategy.set", "momentum", "done"),
    ]
    assert rows[1]["detail"] == f"it loses; version 2, {disabled['digest']}"


async def test_terms_that_no_profile_may_say_are_refused_and_that_is_written_down(snap: Served):
    for terms in ({**MOMENTUM, "capitl": 1}, {**MOMENTUM, "name": "other"}, {}):
        answer = await told(snap, terms)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "cannot_be")
    assert (await told(snap, MOMENTUM, reason="")).status_code == 422
    rows = (await snap.get("/audit", "asha"))["rows"]
    assert [row["outcome"] for row in rows] == ["refused"] * 3
    assert (await snap.get("/strategies/configured"))["rows"] == []


async def test_only_an_administrator_decides_what_a_strategy_is_told(snap: Served):
    assert (await told(snap, MOMENTUM, "omar")).status_code == 403
    assert (await snap.post("/strategies/momentum/disable")).status_code == 403
    assert (await snap.post("/strategies/momentum/enable")).status_code == 403
    assert (await snap.post("/strategies/momentum/pause", "vera")).status_code == 403
    assert (await snap.get("/strategies/configured"))["rows"] == []


@pytest.mark.parametrize("name", ["%0a", "%C2%9B", "%E2%80%AE", "x" * 101])
async def test_a_name_that_no_strategy_can_have_is_refused(snap: Served, name: str):
    answer = await snap.post(f"/strategies/{name}/pause")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
