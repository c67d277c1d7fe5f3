"""Whatever happens to alarms, in whatever order and over restarts, screen and database say the same."""

import asyncio
import contextlib
import pathlib
import tempfile

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from alpha_panda.apps.alerts.models import Alert
from alpha_panda.database import open_database
from alpha_panda.database.repositories import Database
from alpha_panda.errors import ConfigurationError
from alpha_panda.units import MINUTE_NS
from tests.apps.alerts.engines import World, at_work, until, until_kept
from tests.apps.alerts.looking import Change, all_of, having, unchanged, with_account, with_limit, with_source

TROUBLES: dict[str, Change] = {
    "KillEngaged": with_account(state="killed"),
    "SourceAway:store": with_source("store", "connection refused"),
    "DayLossReduces": with_limit("day_loss_reduce", 0.012),
    "DayLossHalts": with_limit("day_loss_halt", 0.03),
    "DeadLetters": having(dead_letters=2),
}
PLACES = st.integers(0, 9)
PEOPLE = st.sampled_from(["asha", "ravi"])


class Alarms(RuleBasedStateMachine):
    """An engine over a database in a file; what a person did is remembered here as well."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.troubles: set[str] = set()
        self.known: dict[str, str] = {}  # who acknowledged first, of what is shown
        self.runner = asyncio.Runner()
        self.open = contextlib.ExitStack()
        # The driver of a database that was closed a moment ago may still hold its files.
        folder = self.open.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        self.url = f"sqlite:///{pathlib.Path(folder) / 'alpha_panda.db'}"

    @initialize()
    def start(self) -> None:
        self.runner.run(self._start())

    async def _start(self) -> None:
        self.resources = contextlib.AsyncExitStack()
        self.database: Database = await self.resources.enter_async_context(open_database(self.url))
        self.engine = self.world.engine(self.database)
        await self.resources.enter_async_context(at_work(self.engine))
        self.world.pass_time(self.engine, 11)
        await until(self.engine.active)

    @rule(seconds=st.integers(1, 70), troubles=st.sets(st.sampled_from(sorted(TROUBLES))))
    def time_passes(self, seconds: int, troubles: set[str]) -> None:
        self.troubles = troubles
        changes = [TROUBLES[name] for name in sorted(troubles)]
        self.world.change = all_of(*changes) if changes else unchanged
        self.runner.run(self._pass(seconds))

    async def _pass(self, seconds: int) -> None:
        self.world.pass_time(self.engine, seconds)
        shown = {alert.id for alert in self.engine.active()}
        self.known = {id: who for id, who in self.known.items() if id in shown}

    def _one(self, place: int) -> Alert:
        """Return one of the alarms, of which there is always one: nobody is told of them."""
        return self.engine.active()[place % len(self.engine.active())]

    @rule(place=PLACES, who=PEOPLE)
    def somebody_acknowledges(self, place: int, who: str) -> None:
        alert = self._one(place)
        self.runner.run(self.engine.acknowledge(alert.id, who))
        if alert.present:
            self.known.setdefault(alert.id, who)

    @rule(place=PLACES, who=PEOPLE)
    def somebody_resolves(self, place: int, who: str) -> None:
        alert = self._one(place)
        try:
            self.runner.run(self.engine.resolve(alert.id, who))
        except ConfigurationError:
            assert alert.present
            assert alert.rule != "DeadLetters"
        else:
            assert alert.id not in {each.id for each in self.engine.active()}
            self.known.pop(alert.id, None)

    @rule(place=PLACES, who=PEOPLE, minutes=st.integers(1, 5))
    def somebody_shelves(self, place: int, who: str, minutes: int) -> None:
        alert = self._one(place)
        until_ns = self.world.now_ns + minutes * MINUTE_NS
        shelved = self.runner.run(self.engine.suppress(alert.id, until_ns, who, "…"))
        assert (shelved.state, shelved.shelved_by) == ("shelved", who)

    @rule()
    def the_process_starts_anew(self) -> None:
        self.runner.run(self._restart())

    async def _restart(self) -> None:
        await until_kept(self.database, self.engine)
        before = {(alert.id, alert.number, alert.acknowledged_by, alert.shelved_by) for alert in self.engine.active()}
        await self.resources.aclose()
        self.resources = contextlib.AsyncExitStack()
        self.database = await self.resources.enter_async_context(open_database(self.url))
        self.engine = self.world.engine(self.database)
        await self.resources.enter_async_context(at_work(self.engine))
        await until(lambda: len(self.engine.active()) >= len(before))
        after = {(alert.id, alert.number, alert.acknowledged_by, alert.shelved_by) for alert in self.engine.active()}
        assert after == before

    @invariant()
    def screen_and_database_say_the_same(self) -> None:
        self.runner.run(until_kept(self.database, self.engine))

    @invariant()
    def who_acknowledged_first_stands(self) -> None:
        shown = {alert.id: alert.acknowledged_by for alert in self.engine.active()}
        assert {id: shown.get(id) for id in self.known} == self.known

    @invariant()
    def nobody_needs_to_look_where_all_is_well(self) -> None:
        for alert in self.engine.active():
            assert alert.present or alert.state in ("returned", "shelved")
            assert alert.state != "acknowledged" or alert.acknowledged_by

    def teardown(self) -> None:
        with self.runner, self.open:
            self.runner.run(self.resources.aclose())


TestAlarms = Alarms.TestCase
TestAlarms.settings = settings(
    max_examples=6, stateful_step_count=10, deadline=None, phases=(Phase.generate, Phase.shrink)
)
