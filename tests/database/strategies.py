"""What the configurations of strategies must be in every database."""

import asyncio
import hashlib
from typing import Any

import pytest

from alpha_panda.config import StrategyTerms, validated
from alpha_panda.database.repositories import Database
from alpha_panda.errors import ConfigurationError, UnknownRowError

TERMS: dict[str, Any] = {
    "name": "momentum",
    "strategy": "momentum",
    "instruments": ["NSE:INFY", "NSE:TCS"],
    "interval": "1m",
    "capital": 500_000,
    "parameters": {"lookback": 20, "threshold": 0.004},
    "size": {"mode": "fraction", "value": 0.15},
}


def with_lookback(lookback: int) -> dict[str, Any]:
    return {**TERMS, "parameters": {"lookback": lookback, "threshold": 0.004}}


class StrategiesContract:
    async def test_terms_are_read_back_as_a_profile_says_them(self, database: Database):
        made = await database.strategies.set("momentum", TERMS, "asha", "as in the study", 7)
        assert (made.name, made.version, made.enabled) == ("momentum", 1, True)
        assert (made.who, made.reason, made.created_ns) == ("asha", "as in the study", 7)
        assert made.terms == TERMS
        assert validated(StrategyTerms, dict(made.terms), "here") == validated(StrategyTerms, TERMS, "there")
        assert await database.strategies.get("momentum") == made

    async def test_each_change_is_a_version_and_none_is_lost(self, database: Database):
        strategies = database.strategies
        made = [await strategies.set("momentum", with_lookback(n), "asha", f"try {n}", n) for n in (20, 30, 40)]
        assert [each.version for each in made] == [1, 2, 3]
        assert await strategies.history("momentum") == made[::-1]
        assert await strategies.get("momentum") == made[-1]

    async def test_the_same_content_again_makes_no_version(self, database: Database):
        first = await database.strategies.set("momentum", TERMS, "asha", "first", 7)
        reordered = dict(reversed(TERMS.items()))
        assert await database.strategies.set("momentum", reordered, "ravi", "again", 8) == first
        assert await database.strategies.history("momentum") == [first]

    async def test_to_go_back_is_a_version_with_the_digest_of_the_first(self, database: Database):
        strategies = database.strategies
        first = await strategies.set("momentum", with_lookback(20), "asha", "", 1)
        other = await strategies.set("momentum", with_lookback(30), "asha", "", 2)
        back = await strategies.set("momentum", with_lookback(20), "asha", "", 3)
        assert (back.version, back.digest == first.digest, other.digest == first.digest) == (3, True, False)
        assert await strategies.at("momentum", other.digest) == other
        assert await strategies.at("momentum", first.digest) == back
        assert await strategies.at("momentum", "0" * 32) is None

    async def test_a_strategy_is_disabled_and_enabled_by_somebody(self, database: Database):
        strategies = database.strategies
        first = await strategies.set("momentum", TERMS, "asha", "", 1)
        disabled = await strategies.disable("momentum", "ravi", 2, "too many refusals")
        enabled = await strategies.enable("momentum", "asha", 3)
        assert [(each.version, each.enabled, each.who) for each in (first, disabled, enabled)] == [
            (1, True, "asha"),
            (2, False, "ravi"),
            (3, True, "asha"),
        ]
        assert disabled.reason == "too many refusals"
        assert {each.digest for each in (first, disabled, enabled)} == {first.digest}
        assert await strategies.enable("momentum", "ravi", 4) == enabled

    async def test_new_terms_do_not_enable_what_is_disabled(self, database: Database):
        await database.strategies.set("momentum", with_lookback(20), "asha", "", 1)
        await database.strategies.disable("momentum", "asha", 2)
        assert not (await database.strategies.set("momentum", with_lookback(30), "asha", "", 3)).enabled

    async def test_the_newest_version_of_each_is_listed_by_name(self, database: Database):
        for number, name in enumerate(("reversion", "momentum", "reversion")):
            terms = {**with_lookback(20 + number), "name": name}
            await database.strategies.set(name, terms, "asha", "", number)
        listed = [(each.name, each.version) for each in await database.strategies.list()]
        assert listed == [("momentum", 1), ("reversion", 2)]

    async def test_programs_that_set_at_once_each_make_a_version_of_their_own(
        self, database: Database, second: Database
    ):
        setting = [
            where.strategies.set("momentum", with_lookback(number), "asha", "", number)
            for number, where in enumerate([database, second] * 4)
        ]
        made = await asyncio.gather(*setting)
        assert sorted(each.version for each in made) == list(range(1, 9))
        assert await database.strategies.history("momentum") == sorted(made, key=lambda each: -each.version)

    async def test_of_two_people_who_change_the_same_version_at_once_the_second_is_told(
        self, database: Database, second: Database
    ):
        first = await database.strategies.set("momentum", with_lookback(20), "asha", "", 1, made_from="")
        setting = [
            where.strategies.set("momentum", with_lookback(lookback), who, "", 2, made_from=first.digest)
            for where, who, lookback in ((database, "asha", 30), (second, "ravi", 40))
        ]
        made = await asyncio.gather(*setting, return_exceptions=True)
        (refused,) = (each for each in made if isinstance(each, ConfigurationError))
        assert "has set version 2 of strategy momentum meanwhile" in str(refused)
        assert len(await database.strategies.history("momentum")) == 2

    async def test_a_switch_or_the_same_terms_are_no_change_of_what_was_read(self, database: Database):
        first = await database.strategies.set("momentum", with_lookback(20), "asha", "", 1)
        await database.strategies.disable("momentum", "ravi", 2)
        other = await database.strategies.set("momentum", with_lookback(30), "asha", "", 3, made_from=first.digest)
        assert (other.version, other.enabled) == (3, False)
        again = await database.strategies.set("momentum", with_lookback(30), "ravi", "", 4, made_from=first.digest)
        assert again == other

    async def test_the_digest_is_that_of_the_content_wherever_it_is_computed(self, database: Database):
        terms = {**TERMS, "parameters": {"threshold": 1e-07, "lookback": 20, "allow_short": 1}, "capital": 500_000.25}
        made = await database.strategies.set("momentum", terms, "asha", "", 1)
        # What RFC 8785 writes differs only in numbers that no profile has: shortest floats, sorted keys, no blanks.
        text = (
            '{"capital":500000.25,"instruments":["NSE:INFY","NSE:TCS"],"interval":"1m","name":"momentum",'
            '"parameters":{"allow_short":1,"lookback":20,"threshold":1e-07},"size":{"mode":"fraction","value":0.15},'
            '"strategy":"momentum"}'
        )
        assert made.digest == hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    async def test_programs_that_set_the_same_at_once_make_one_version(self, database: Database, second: Database):
        setting = [where.strategies.set("momentum", TERMS, "asha", "", 7) for where in [database, second] * 4]
        assert len(set(map(repr, await asyncio.gather(*setting)))) == 1

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"capitall": 1}, "strategy momentum: unknown key capitall"),
            ({"capital": -1}, "strategy momentum: capital"),
            ({"name": "other"}, "the terms of strategy momentum name other"),
            ({"parameters": {"threshold": float("nan")}}, "what strategy momentum is told cannot be kept"),
        ],
        ids=["misspelt", "negative", "another name", "not a number"],
    )
    async def test_terms_that_no_profile_may_say_are_refused(
        self, database: Database, change: dict[str, Any], complaint: str
    ):
        with pytest.raises(ConfigurationError, match=complaint):
            await database.strategies.set("momentum", {**TERMS, **change}, "asha", "", 1)
        assert await database.strategies.list() == []

    async def test_what_was_never_set_is_neither_found_nor_changed(self, database: Database):
        assert await database.strategies.get("momentum") is None
        assert await database.strategies.history("momentum") == []
        with pytest.raises(UnknownRowError, match="the database has no strategy momentum"):
            await database.strategies.disable("momentum", "asha", 1)
