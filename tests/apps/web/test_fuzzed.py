"""The API asked for everything that its own document allows, and for much that it does not: nothing breaks it."""

import asyncio
import contextlib
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema

from alpha_panda.apps.api.routes import PREFIX, TAGS
from alpha_panda.apps.web.limits import Limits
from tests.apps.desk_at_work import traded_morning
from tests.apps.web.house import House, in_a_thread

SUBJECTS = (*(tag["name"] for tag in TAGS if tag["name"] != "streams"), "sign in", "health")
MANY = Limits(*[100_000.0] * 4)
EXAMPLES = {"control": 3, "strategies": 4}  # each waits for an account that has gone home
NO_END = (f"{PREFIX}/stream",)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, str]]:
    """Serve the app over a session that traded a morning."""
    folder = tmp_path_factory.mktemp("web")
    asyncio.run(traded_morning(folder / "state"))
    with in_a_thread(folder, MANY) as served:
        yield served


@pytest.fixture(scope="module")
def document(web: tuple[House, str]) -> BaseSchema:
    house, place = web
    bearer = {"Authorization": f"Bearer {house.token('asha')}"}
    with httpx.Client() as client:
        return schemathesis.openapi.from_dict(client.get(f"http://{place}{PREFIX}/openapi.json", headers=bearer).json())


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.name.lower())
@pytest.mark.parametrize("subject", SUBJECTS)
def test_nothing_that_can_be_asked_breaks_it(
    web: tuple[House, str], document: BaseSchema, subject: str, mode: GenerationMode
):
    house, place = web
    # Whoever signs out, which is a route like any other, must not be the one who asks the others.
    headers = {} if subject == "sign in" else {"Authorization": f"Bearer {house.token('asha')}"}
    asked = 0
    for each in document.get_all_operations():
        operation = each.ok()
        if subject not in (operation.definition.raw.get("tags") or ()) or operation.path in NO_END:
            continue

        @seed(7)
        @settings(
            max_examples=EXAMPLES.get(subject, 10),
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            verbosity=Verbosity.quiet,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(mode))
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            asked += 1
            answer = case.call(base_url=f"http://{place}", headers=headers, timeout=30)
            case.validate_response(answer, checks=[not_a_server_error])

        with contextlib.suppress(Unsatisfiable):  # of what takes nothing, nothing can be wrong
            ask()
    assert asked or mode is GenerationMode.NEGATIVE
