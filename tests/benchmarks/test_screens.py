"""The visitors of the benchmark sign in, open pages that are kept up to date, and are answered; nothing is timed."""

import pathlib

from tests.apps.desk_at_work import traded_morning
from tests.benchmarks import screens, visiting


class Questions(visiting.Window):
    """A window that is over after some looks at it, however long they took."""

    def __init__(self, looks: int) -> None:
        super().__init__(0.0, 2.0**31)
        self._looks = looks

    @property
    def over(self) -> bool:
        self._looks -= 1
        return self._looks < 0


async def test_eight_pages_are_kept_up_to_date_while_programs_are_answered(tmp_path: pathlib.Path):
    state = await traded_morning(tmp_path / "state")
    async with screens.web("process", state) as (link, processes):
        figures = await visiting.visit(link, Questions(200))
    assert set(processes) == {"session", "web"}
    assert sum(figures["statuses"].values()) == 200
    assert figures["statuses"].keys() <= {200, 304}
    assert len(figures["flushes_a_second"]) == visiting.VIEWERS
    assert all(figures["flushes_a_second"])
    assert figures["events_a_second"] > 0
