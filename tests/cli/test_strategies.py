"""`alpha-panda strategies`: what is told, what has been told, and what cannot be."""

import asyncio
import pathlib

import pytest

from alpha_panda.cli.person import person_here
from alpha_panda.config import profile_tables
from alpha_panda.database import DATABASE_URL, open_database
from tests.cli.conftest import ROOT, Answer, Command

PROFILE = ROOT / "live" / "paper.toml"


@pytest.fixture
def path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Return where the database of the test is made."""
    path = tmp_path / "alpha_panda.db"
    monkeypatch.setenv(DATABASE_URL, f"sqlite:///{path}")
    return path


@pytest.fixture
def strategies(command: Command, path: pathlib.Path) -> Command:
    """Return a function that runs `alpha-panda strategies` on the profile that comes with the platform."""

    def run(*arguments: object) -> Answer:
        profile = () if arguments[0] == "history" else ("--profile", PROFILE)
        return command("strategies", *arguments, *profile)

    return run


def test_what_nobody_set_is_told_by_the_profile_and_nothing_is_made(strategies: Command, path: pathlib.Path):
    listed = strategies("list", "--json").json
    assert [(each["name"], each["source"], each["enabled"]) for each in listed["strategies"]] == [
        ("momentum", "profile", True),
        ("mean_reversion", "profile", True),
    ]
    assert strategies("show", "momentum", "--json").json["terms"] == profile_tables(PROFILE)["strategies"][0]
    assert "Nobody has told momentum anything" in strategies("history", "momentum").output
    assert not path.exists()


def test_a_change_is_a_version_that_says_who_made_it_and_why(strategies: Command):
    answer = strategies("set", "momentum", "lookback=60", "size.value=0.2", "--reason", "a study")
    assert answer.code == 0
    assert "Version 1 of momentum: parameters.lookback 20 → 60, size.value 0.15 → 0.2." in answer.output
    assert "It takes effect with the next session" in answer.output
    assert "From now on the database says what momentum is told" in answer.output
    shown = strategies("show", "momentum", "--json").json
    assert (shown["source"], shown["version"], shown["who"], shown["reason"]) == (
        "database",
        1,
        person_here(),
        "a study",
    )
    assert shown["terms"]["parameters"] == {"lookback": 60, "threshold": 0.004, "allow_short": 1}
    assert strategies("list", "--json").json["strategies"][0]["version"] == 1


def test_a_change_goes_on_from_the_one_before(strategies: Command):
    strategies("set", "momentum", "lookback=60")
    second = strategies("set", "momentum", "threshold=0.005", "--json").json
    assert second["changes"] == ["parameters.threshold 0.004 → 0.005"]
    assert second["terms"]["parameters"]["lookback"] == 60
    again = strategies("set", "momentum", "threshold=0.005")
    assert "Nothing changes: version 2 of momentum says so already." in again.output


def test_the_history_shows_what_changed_newest_first(strategies: Command):
    strategies("set", "momentum", "lookback=60", "--reason", "slower")
    strategies("disable", "momentum", "--reason", "wild prices")
    strategies("set", "momentum", "lookback=50")
    versions = strategies("history", "momentum", "--json").json["versions"]
    assert [(each["version"], each["enabled"], each["reason"]) for each in versions] == [
        (3, False, ""),
        (2, False, "wild prices"),
        (1, True, "slower"),
    ]
    assert "parameters.lookback 60 → 50" in strategies("history", "momentum").output


def test_a_strategy_of_the_profile_is_switched_with_the_terms_that_it_has_there(strategies: Command):
    answer = strategies("disable", "mean_reversion")
    assert "mean_reversion is disabled, version 2: where it runs, it is paused." in answer.output
    assert strategies("show", "mean_reversion", "--json").json["terms"] == profile_tables(PROFILE)["strategies"][1]
    assert "version 2, disabled" in strategies("list").output
    assert "alpha-panda strategies enable mean_reversion" in strategies("show", "mean_reversion").output
    enabled = strategies("enable", "mean_reversion")
    assert "mean_reversion is enabled, version 3: where it runs, it trades again." in enabled.output


def test_all_terms_can_come_from_a_file(strategies: Command, tmp_path: pathlib.Path):
    terms = tmp_path / "terms.toml"
    terms.write_text('strategy = "momentum"\ncapital = 100_000\ninterval = "5m"\n')
    answer = strategies("set", "momentum", "lookback=30", "--from", terms, "--json")
    assert answer.json["terms"] == {
        "name": "momentum",
        "strategy": "momentum",
        "capital": 100_000,
        "interval": "5m",
        "parameters": {"lookback": 30},
    }


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("momentum", "lookbak=3"), "no parameter 'lookbak' (did you mean 'lookback'?)"),
        (("momentum", "lookback=0"), "it must lie in"),
        (("momentum", "capital=600_000"), "the strategies are given more capital than the account has"),
        (("momentum", "size.value=2"), "a size fraction above 1 would exceed the capital"),
        (("momentum", "size.valeu=1"), "unknown key"),
        (("momentum", "name=other"), "a strategy keeps its name"),
        (("momentun", "lookback=3"), "has no strategy momentun (did you mean 'momentum'?)"),
        (("momentum",), "nothing is set"),
    ],
)
def test_what_no_session_could_begin_with_is_refused_and_makes_no_version(
    arguments: tuple[str, ...], complaint: str, strategies: Command
):
    answer = strategies("set", *arguments)
    assert (answer.code, answer.output) == (2, "")
    assert complaint in answer.complaint
    assert strategies("history", "momentum", "--json").json["versions"] == []


def test_capital_is_counted_with_what_the_others_were_told(strategies: Command):
    assert strategies("set", "mean_reversion", "capital=400_000").code == 0
    assert strategies("set", "momentum", "capital=600_000").code == 0
    assert "more capital than the account has" in strategies("set", "mean_reversion", "capital=400_001").complaint


def test_every_change_stands_in_the_audit_trail(strategies: Command, path: pathlib.Path):
    strategies("set", "momentum", "lookback=60", "--reason", "slower")
    strategies("disable", "momentum")

    async def trail() -> list[tuple[str, str, str, str]]:
        async with open_database(f"sqlite:///{path}") as database:
            return [(each.who, each.action, each.target, each.detail) for each in await database.audit.list(10)]

    assert sorted(asyncio.run(trail())) == [
        (person_here(), "strategy.disable", "momentum", ""),
        (person_here(), "strategy.set", "momentum", "slower"),
    ]


def test_a_database_that_is_away_is_told_in_one_sentence(strategies: Command, path: pathlib.Path):
    path.write_text("no database")
    answer = strategies("list")
    assert (answer.code, answer.output) == (15, "")
    assert "what strategies are told is not known" in answer.complaint
