"""The portfolio through the API: each answer is the part of the desk's picture that it says."""

from tests.apps.api.asking import Served


async def test_the_picture_is_answered_whole_and_again_only_once_it_changed(panda: Served):
    answer = await panda.client.get("/api/v1/picture", headers={"as": "vera"})
    now = panda.api.desk.picture
    assert answer.headers["etag"] == f'"first.{now.number}"'
    assert answer.json() == now.model_dump(mode="json", by_alias=True)
    again = await panda.client.get("/api/v1/picture", headers={"as": "vera", "if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await panda.client.get("/api/v1/picture", headers={"as": "vera", "if-none-match": '"first.0"'})
    assert other.status_code == 200


async def test_positions_are_those_of_the_picture(panda: Served):
    answer = await panda.get("/portfolio/positions")
    shown = panda.api.desk.picture.positions
    assert shown
    assert answer["rows"] == [each.model_dump(mode="json", by_alias=True) for each in shown]
