"""Users and the audit trail through the API: for administrators, without a password anywhere."""

from tests.apps.api.asking import Served

PASSWORD = "correct horse battery"


async def test_a_user_is_added_changed_and_shut_out(snap: Served):
    said = {"name": "ravi", "role": "viewer", "password": PASSWORD}
    added = await snap.post("/users", "asha", json=said)
    assert (added.status_code, added.json()["role"], added.json()["enabled"]) == (201, "viewer", True)
    assert set(added.json()) == {"name", "role", "enabled", "created", "changed"}
    role = await snap.client.put("/api/v1/users/ravi/role", headers={"as": "asha"}, json={"role": "operator"})
    assert role.json()["role"] == "operator"
    assert (await snap.post("/users/ravi/disable", "asha")).json()["enabled"] is False
    assert (await snap.post("/users/ravi/enable", "asha")).json()["enabled"] is True
    assert [row["name"] for row in (await snap.get("/users", "asha"))["rows"]] == ["ravi"]
    kept = await snap.api.database.users.get("ravi")
    assert kept is not None
    assert kept.password_hash == await snap.api.hash_password("ravi", PASSWORD)


async def test_a_name_that_is_taken_is_told(snap: Served):
    said = {"name": "ravi", "role": "viewer", "password": PASSWORD}
    await snap.post("/users", "asha", json=said)
    answer = await snap.post("/users", "asha", json=said)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


async def test_no_password_is_written_down_anywhere(snap: Served):
    await snap.post("/users", "asha", json={"name": "ravi", "role": "viewer", "password": PASSWORD})
    await snap.post("/users", "asha", json={"name": "ravi", "role": "viewer", "password": PASSWORD})
    written = [await snap.get("/audit", "asha"), await snap.get("/users", "asha"), snap.lines]
    assert PASSWORD not in str(written)
    assert "hash" not in str(written)


async def test_nobody_takes_away_their_own_access(snap: Served):
    answer = await snap.client.put("/api/v1/users/asha/role", headers={"as": "asha"}, json={"role": "viewer"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


async def test_the_audit_trail_is_read_page_by_page_and_by_person_and_action(snap: Served):
    audit = snap.api.database.audit
    for number in range(7):
        await audit.add("omar", "control.pause", "", f"number {number}", "asked", "c", "127.0.0.1", number + 1)
    await audit.add("asha", "user.add", "ravi", "", "done", "c", "127.0.0.1", 9)
    rows, cursor = [], None
    while True:
        asked = {"who": "omar", "limit": 3, **({"cursor": cursor} if cursor else {})}
        page = await snap.get("/audit", "asha", params=asked)
        rows += page["rows"]
        if (cursor := page["following"]) is None:
            break
    assert [row["detail"] for row in rows] == [f"number {number}" for number in range(6, -1, -1)]
    (one,) = (await snap.get("/audit", "asha", params={"action": "user.add"}))["rows"]
    assert (one["who"], one["target"], one["time"]) == ("asha", "ravi", "1970-01-01T05:30:00.000000+05:30")
