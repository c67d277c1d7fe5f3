"""Errors of the API: one model, a status for each, the sentence as it was, no secret, and nothing of a defect."""

import inspect

import pytest
from fastapi import HTTPException

from alpha_panda import errors
from alpha_panda.apps.api.errors import ErrorAnswer, status_of
from tests.apps.api.asking import SECRET, Served

OURS = [each for _, each in inspect.getmembers(errors, inspect.isclass) if each.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_of_ours_has_a_status_and_a_code(kind: type[errors.AlphaPandaError]):
    status, code = status_of(kind("something was wrong"))
    assert 400 <= status < 600
    assert code.islower()
    assert code.isidentifier()


def test_the_nearest_class_of_an_error_counts():
    assert status_of(errors.CatalogError("")) == (404, "not_in_catalog")
    assert status_of(errors.StoreGapError("")) == (503, "store_away")
    assert status_of(errors.UnknownRowError("")) == (404, "not_found")
    assert status_of(errors.KernelError("")) == (500, "defect")


async def failing(panda: Served, monkeypatch: pytest.MonkeyPatch, error: Exception) -> tuple[int, ErrorAnswer]:
    """Return the answer where the desk fails with `error`."""

    async def fail(*asked: object) -> None:
        raise error

    monkeypatch.setattr(panda.api.desk, "history", fail)
    answer = await panda.client.get("/api/v1/orders", headers={"as": "vera"})
    return answer.status_code, ErrorAnswer.model_validate_json(answer.content)


async def test_the_sentence_of_an_error_is_kept(snap: Served, monkeypatch: pytest.MonkeyPatch):
    error = errors.LogError("the event log cannot be read: start Kafka, or correct its address")
    status, answer = await failing(snap, monkeypatch, error)
    assert (status, answer.error.code, answer.error.message) == (503, "log_away", str(error))
    (line,) = [line for line in snap.lines if line["event"] == "request_failed"]
    assert (line["level"], line["path"], line["kind"]) == ("error", "/api/v1/orders", "LogError")
    assert line["request_id"] == answer.error.request_id != ""


async def test_an_error_tells_no_secret(snap: Served, monkeypatch: pytest.MonkeyPatch):
    error = errors.StoreError(f"nobody answers at redis://panda:{SECRET}@localhost")
    status, answer = await failing(snap, monkeypatch, error)
    assert status == 503
    assert SECRET not in answer.error.message
    assert "nobody answers at redis://panda" in answer.error.message


async def test_a_defect_says_nothing_of_itself(snap: Served, monkeypatch: pytest.MonkeyPatch):
    status, answer = await failing(snap, monkeypatch, ZeroDivisionError(f"division of {SECRET}"))
    assert (status, answer.error.code) == (500, "defect")
    assert SECRET not in answer.model_dump_json()
    assert "ZeroDivision" not in answer.model_dump_json()
    assert answer.error.request_id


async def test_a_refusal_of_a_route_is_an_error_like_any(snap: Served, monkeypatch: pytest.MonkeyPatch):
    status, answer = await failing(snap, monkeypatch, HTTPException(418, "this is a teapot"))
    assert (status, answer.error.code, answer.error.message) == (418, "refused", "this is a teapot")


@pytest.mark.parametrize(
    ("method", "path", "who", "status", "code"),
    [
        ("GET", "/nowhere", "vera", 404, "not_found"),
        ("DELETE", "/portfolio", "vera", 405, "method_not_allowed"),
        ("GET", "/portfolio", "", 401, "not_signed_in"),
        ("GET", "/users", "vera", 403, "not_allowed"),
        ("GET", "/audit", "omar", 403, "not_allowed"),
        ("GET", "/instruments/NSE:NOBODY", "vera", 404, "not_found"),
        ("GET", "/strategies/momentun", "vera", 404, "not_found"),
        ("GET", "/strategies/nobody/versions", "vera", 404, "not_found"),
        ("GET", "/alerts/nothing", "vera", 404, "not_found"),
        ("POST", "/alerts/nothing/acknowledge", "omar", 404, "not_found"),
        ("POST", "/users/nobody/disable", "asha", 404, "not_found"),
        ("POST", "/users/asha/disable", "asha", 409, "conflict"),
        ("GET", "/logs/tail?channel=weather", "vera", 422, "cannot_be"),
        ("GET", "/logs/tail?from=yesterday", "vera", 422, "invalid"),
        ("GET", "/logs/tail?from=2026-11-20T09:15:00", "vera", 422, "invalid"),
    ],
)
async def test_whatever_is_wrong_is_told_in_one_model(
    snap: Served, method: str, path: str, who: str, status: int, code: str
):
    headers = {"as": who} if who else {}
    answer = await snap.client.request(method, f"/api/v1{path}", headers=headers)
    told = ErrorAnswer.model_validate_json(answer.content).error
    assert (answer.status_code, told.code) == (status, code)
    assert told.message
    assert told.request_id


async def test_what_is_invalid_names_the_field_and_never_repeats_what_was_sent(snap: Served):
    said = {"name": "ravi", "role": "king", "password": "correct horse battery"}
    answer = await snap.post("/users", "asha", json=said)
    message = answer.json()["error"]["message"]
    assert message == "role in the body: Input should be 'viewer', 'operator' or 'admin'"
    answer = await snap.client.post(
        "/api/v1/users", headers={"as": "asha", "content-type": "application/json"}, content=b'{"password": "horse'
    )
    assert answer.status_code == 422
    assert "horse" not in answer.text
