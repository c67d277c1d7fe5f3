"""`alpha-panda data calendar`: a day in its phases, a range in its exceptions."""

from tests.cli.conftest import Command


def test_a_day_shows_its_phases(command: Command):
    answer = command("data", "calendar", "--from", "2026-09-07", "--to", "2026-09-07", "--calendar", "NSE_EQ_FO")
    assert answer.code == 0
    assert "Monday, 2026-09-07: session" in answer.output
    assert "15:30 to 15:35   closing auction: matching" in answer.output


def test_a_range_shows_what_is_out_of_the_ordinary_and_counts_sessions(command: Command):
    answer = command("data", "calendar", "--from", "2026-11-01", "--to", "2026-11-30")
    assert "Diwali Balipratipada" in answer.output
    assert "hours not known" in answer.output
    assert "2026-11-09" not in answer.output
    assert "sessions on 19 of 30 days" in answer.output


def test_without_a_range_all_years_of_which_the_holidays_are_known_are_shown(command: Command):
    answer = command("data", "calendar")
    assert "NSE_EQ, 2019-01-01 to 2026-12-31" in answer.output


def test_json_gives_each_day_with_hours_phases_and_reason(command: Command):
    answer = command("data", "calendar", "--from", "2025-10-20", "--to", "2025-10-22", "--json").json
    kinds = [(day["date"], day["kind"]) for day in answer["days"]]
    assert kinds == [("2025-10-20", "session"), ("2025-10-21", "special session"), ("2025-10-22", "holiday")]
    muhurat = answer["days"][1]
    assert muhurat["sessions"] == [{"open": "2025-10-21 13:45:00+05:30", "close": "2025-10-21 14:45:00+05:30"}]
    assert [phase["name"] for phase in muhurat["phases"]] == ["pre-open", "continuous"]
    assert answer["days"][2]["reason"] == "Diwali Balipratipada"


def test_a_range_the_wrong_way_round_and_an_unknown_calendar_are_refused(command: Command):
    wrong = command("data", "calendar", "--from", "2026-02-01", "--to", "2026-01-01")
    assert (wrong.code, "is empty: its end lies before its beginning" in wrong.complaint) == (2, True)
    unknown = command("data", "calendar", "--calendar", "MCX")
    assert (unknown.code, "choose one of NFO, NSE_DAY, NSE_EQ, NSE_EQ_FO" in unknown.complaint) == (4, True)
