"""What alerts, and the trail of who did what, must be in every database."""

import asyncio
import math
from typing import Any

import pytest
from sqlalchemy import delete, update

from alpha_panda.database.alerts import AlertRow
from alpha_panda.database.opening import connected
from alpha_panda.database.repositories import Database
from alpha_panda.database.schema import audit
from alpha_panda.errors import DatabaseError, UnknownRowError

FIGURES = {"loss": -21_000.5, "limit": -20_000}


async def opened(database: Database, now_ns: int, rule: str = "day_loss", key: str = "paper", **said: Any) -> AlertRow:
    words = {"severity": "warning", "title": "Day loss", "detail": "2.1 % of 2 %", "figures": FIGURES, **said}
    return await database.alerts.open(rule, key, **words, now_ns=now_ns)


class AlertsContract:
    async def test_an_alert_is_read_back_as_it_was_opened(self, database: Database):
        alert = await opened(database, 7)
        assert (alert.rule, alert.key, alert.severity, alert.title) == ("day_loss", "paper", "warning", "Day loss")
        assert (alert.detail, alert.figures) == ("2.1 % of 2 %", FIGURES)
        assert (alert.state, alert.count, alert.first_ns, alert.last_ns) == ("open", 1, 7, 7)
        assert await database.alerts.get(alert.id) == alert

    async def test_the_same_alert_again_is_counted(self, database: Database):
        first = await opened(database, 7)
        again = await opened(database, 9, severity="critical", detail="3 % of 2 %", figures={"loss": -30_000})
        assert (again.id, again.count, again.first_ns, again.last_ns) == (first.id, 2, 7, 9)
        assert (again.severity, again.detail, again.figures) == ("critical", "3 % of 2 %", {"loss": -30_000})

    async def test_what_comes_late_does_not_set_the_time_back(self, database: Database):
        await opened(database, 9)
        assert (await opened(database, 8)).last_ns == 9

    async def test_another_rule_or_key_is_another_alert(self, database: Database):
        opened_here = [await opened(database, 7, rule, key) for rule in ("day_loss", "lag") for key in ("", "paper")]
        assert len({alert.id for alert in opened_here}) == 4

    async def test_programs_that_open_the_same_alert_at_once_open_one(self, database: Database, second: Database):
        await asyncio.gather(*(opened(where, 7) for where in [database, second] * 4))
        (alert,) = await database.alerts.list()
        assert alert.count == 8

    async def test_who_saw_it_first_stands(self, database: Database):
        alert = await opened(database, 7)
        seen = await database.alerts.acknowledge(alert.id, "asha", 8)
        assert (seen.state, seen.acknowledged_by, seen.acknowledged_ns) == ("acknowledged", "asha", 8)
        assert await database.alerts.acknowledge(alert.id, "ravi", 9) == seen

    async def test_an_acknowledged_alert_that_goes_on_stays_acknowledged(self, database: Database):
        alert = await opened(database, 7)
        await database.alerts.acknowledge(alert.id, "asha", 8)
        again = await opened(database, 9)
        assert (again.id, again.state, again.count) == (alert.id, "acknowledged", 2)

    async def test_after_it_is_resolved_the_next_is_another(self, database: Database):
        first = await opened(database, 7)
        over = await database.alerts.resolve(first.id, "asha", 8)
        assert (over.state, over.resolved_by, over.resolved_ns) == ("resolved", "asha", 8)
        assert await database.alerts.resolve(first.id, "ravi", 9) == over
        assert await database.alerts.acknowledge(first.id, "ravi", 9) == over
        other = await opened(database, 10)
        assert (other.id > first.id, other.count, other.first_ns) == (True, 1, 10)

    async def test_alerts_are_listed_newest_first_by_pages_and_states(self, database: Database):
        alerts = [await opened(database, number, key=str(number)) for number in range(5)]
        await database.alerts.resolve(alerts[1].id, "asha", 9)
        await database.alerts.acknowledge(alerts[2].id, "asha", 9)
        page = await database.alerts.list(limit=2)
        assert [alert.key for alert in page] == ["4", "3"]
        assert [alert.key for alert in await database.alerts.list(limit=2, before=page[-1].id)] == ["2", "1"]
        assert [alert.key for alert in await database.alerts.list(["resolved", "acknowledged"])] == ["2", "1"]

    async def test_an_alert_that_there_is_not_cannot_be_changed(self, database: Database):
        assert await database.alerts.get(1) is None
        with pytest.raises(UnknownRowError, match="there is no alert 1"):
            await database.alerts.acknowledge(1, "asha", 7)

    async def test_a_figure_that_is_not_finite_is_none(self, database: Database):
        alert = await opened(database, 7, figures={"drawdown": math.nan, "series": [1.5, math.inf]})
        assert alert.figures == {"drawdown": None, "series": [1.5, None]}

    async def test_it_is_counted_as_often_as_is_said_and_words_alone_can_be_renewed(self, database: Database):
        await opened(database, 7, times=3)
        again = await opened(database, 9, times=0, detail="3 % of 2 %")
        assert (again.count, again.last_ns, again.detail) == (3, 9, "3 % of 2 %")
        assert (await opened(database, 9, "lag", times=0)).count == 1

    async def test_what_has_returned_is_so_again_with_the_next_time(self, database: Database):
        alert = await opened(database, 7)
        assert (await database.alerts.note_returned(alert.id, 8)).returned_ns == 8
        assert (await opened(database, 9)).returned_ns is None

    async def test_messages_about_it_are_counted_also_once_it_is_over(self, database: Database):
        alert = await opened(database, 7)
        assert (alert.told_count, alert.told_ns) == (0, None)
        await database.alerts.note_told(alert.id, 8)
        await database.alerts.resolve(alert.id, "asha", 9)
        told = await database.alerts.note_told(alert.id, 10)
        assert (told.told_count, told.told_ns, told.state) == (2, 10, "resolved")

    async def test_alerts_are_listed_by_the_beginning_of_their_keys_and_by_rules(self, database: Database):
        for rule, key in (("lag", "paper/a"), ("day_loss", "Paper/a"), ("day_loss", "paper/a"), ("lag", "paper%")):
            await opened(database, 7, rule, key)
        listed = await database.alerts.list(within="paper/")
        assert [(each.rule, each.key) for each in listed] == [("day_loss", "paper/a"), ("lag", "paper/a")]
        assert [each.rule for each in await database.alerts.list(within="paper/", rules=["lag"])] == ["lag"]

    async def test_what_is_suppressed_is_so_until_its_time(self, database: Database):
        made = await database.alerts.suppress("lag", "signals", 100, "asha", "known since the morning")
        await database.alerts.suppress("day_loss", "", 50, "asha", "tested")
        assert await database.alerts.suppressions(50) == [made]
        assert await database.alerts.suppressions(100) == []

    async def test_to_suppress_again_is_the_last_word(self, database: Database):
        await database.alerts.suppress("lag", "signals", 100, "asha", "known")
        longer = await database.alerts.suppress("lag", "signals", 200, "ravi", "still so")
        assert await database.alerts.suppressions(10) == [longer]
        await database.alerts.suppress("lag", "signals", 0, "ravi", "mended")
        assert await database.alerts.suppressions(10) == []


class SendersContract:
    async def test_whoever_comes_first_sends_until_its_time_is_over(self, database: Database):
        assert await database.senders.get("paper") is None
        first = await database.senders.claim("paper", "one", True, until_ns=60, now_ns=10)
        assert await database.senders.get("paper") == first
        assert (first.holder, first.able, first.until_ns) == ("one", True, 60)
        assert await database.senders.claim("paper", "two", True, until_ns=109, now_ns=59) == first
        assert (await database.senders.claim("paper", "two", True, until_ns=110, now_ns=60)).holder == "two"

    async def test_whoever_sends_can_go_on(self, database: Database):
        await database.senders.claim("paper", "one", True, until_ns=60, now_ns=10)
        again = await database.senders.claim("paper", "one", True, until_ns=90, now_ns=40)
        assert (again.holder, again.until_ns) == ("one", 90)

    async def test_each_session_has_its_own(self, database: Database):
        for session, holder in (("monday", "one"), ("tuesday", "two")):
            claimed = await database.senders.claim(session, holder, True, until_ns=60, now_ns=10)
            assert (claimed.session, claimed.holder) == (session, holder)

    async def test_whoever_has_a_target_that_works_goes_before_one_that_has_none(self, database: Database):
        await database.senders.claim("paper", "one", False, until_ns=60, now_ns=10)
        assert (await database.senders.claim("paper", "two", False, until_ns=61, now_ns=11)).holder == "one"
        assert (await database.senders.claim("paper", "two", True, until_ns=62, now_ns=12)).holder == "two"
        assert (await database.senders.claim("paper", "one", True, until_ns=63, now_ns=13)).holder == "two"

    async def test_of_several_that_come_at_once_one_sends(self, database: Database, second: Database):
        claims = [
            where.senders.claim("paper", f"process {number}", True, until_ns=60, now_ns=10)
            for number, where in enumerate([database, second] * 4)
        ]
        assert len({each.holder for each in await asyncio.gather(*claims)}) == 1


class AuditContract:
    async def test_a_row_is_read_back_as_added(self, database: Database):
        row = await database.audit.add("asha", "kill", "paper", "by the red button", "done", "C0", "127.0.0.1", 7)
        assert (row.who, row.action, row.target, row.detail) == ("asha", "kill", "paper", "by the red button")
        assert (row.outcome, row.correlation_id, row.address, row.time_ns) == ("done", "C0", "127.0.0.1", 7)
        assert await database.audit.list() == [row]

    async def test_rows_are_listed_newest_first_by_pages_people_and_actions(self, database: Database):
        for number in range(6):
            who, action = ("asha", "ravi")[number % 2], ("pause", "resume", "kill")[number % 3]
            await database.audit.add(who, action, "", str(number), "done", "", "", number)
        page = await database.audit.list(limit=2)
        assert [row.detail for row in page] == ["5", "4"]
        assert [row.detail for row in await database.audit.list(limit=2, before=page[-1].id)] == ["3", "2"]
        assert [row.detail for row in await database.audit.list(who="asha")] == ["4", "2", "0"]
        assert [row.detail for row in await database.audit.list(who="asha", action="kill")] == ["2"]

    async def test_no_text_is_too_odd_to_be_kept(self, database: Database):
        row = await database.audit.add("asha", "sign-in", "", "a\0b\ud800c\n'); DROP TABLE audit; --", "", "", "", 7)
        assert row.detail == "a\N{REPLACEMENT CHARACTER}b?c\n'); DROP TABLE audit; --"
        assert await database.audit.list(who="\0") == []

    @pytest.mark.parametrize("change", [update(audit).values(who="nobody"), delete(audit)], ids=["update", "delete"])
    async def test_the_database_refuses_to_change_what_was_done(self, database: Database, url: str, change: Any):
        row = await database.audit.add("asha", "kill", "", "", "done", "", "", 7)
        async with connected(url) as connections:
            with pytest.raises(DatabaseError, match="the audit trail is only appended to"):
                await connections.written(change)
        assert await database.audit.list() == [row]
