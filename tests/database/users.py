"""What users, and the tokens of their sessions, must be in every database."""

import asyncio
import hashlib

import pytest

from alpha_panda.database.repositories import Database
from alpha_panda.errors import ConfigurationError, DuplicateRowError, UnknownRowError


def digest(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class UsersContract:
    async def test_a_user_is_read_back_as_added(self, database: Database):
        added = await database.users.add("asha", "a hash", "operator", 7)
        assert (added.name, added.password_hash, added.role, added.enabled) == ("asha", "a hash", "operator", True)
        assert (added.created_ns, added.changed_ns) == (7, 7)
        assert await database.users.get("asha") == added

    async def test_nobody_is_found_under_another_name(self, database: Database):
        await database.users.add("asha", "a hash", "operator", 7)
        assert await database.users.get("Asha") is None

    async def test_users_are_listed_by_name(self, database: Database):
        for name in ("ravi", "asha", "meera"):
            await database.users.add(name, "a hash", "viewer", 7)
        assert [user.name for user in await database.users.list()] == ["asha", "meera", "ravi"]

    async def test_a_name_is_given_once(self, database: Database):
        first = await database.users.add("asha", "a hash", "viewer", 7)
        with pytest.raises(DuplicateRowError, match="there is a user asha already"):
            await database.users.add("asha", "another hash", "admin", 8)
        assert await database.users.get("asha") == first

    async def test_of_programs_that_add_the_same_user_at_once_one_does(self, database: Database, second: Database):
        each = [database, second] * 4
        adding = [where.users.add("asha", f"hash {number}", "viewer", 7) for number, where in enumerate(each)]
        outcomes = await asyncio.gather(*adding, return_exceptions=True)
        added = [outcome for outcome in outcomes if not isinstance(outcome, DuplicateRowError)]
        assert added == await database.users.list()

    @pytest.mark.parametrize("name", ["", " asha", "-asha", "a\nb", "a" * 65, "आशा", "asha\0"])
    async def test_a_name_that_could_be_mistaken_is_refused(self, database: Database, name: str):
        with pytest.raises(ConfigurationError, match="is no name"):
            await database.users.add(name, "a hash", "viewer", 7)

    async def test_a_role_that_there_is_not_is_refused(self, database: Database):
        with pytest.raises(ConfigurationError, match="'root' is no role: there are viewer, operator, admin"):
            await database.users.add("asha", "a hash", "root", 7)  # type: ignore[arg-type]  # the mistake is the test
        await database.users.add("asha", "a hash", "viewer", 7)
        with pytest.raises(ConfigurationError, match="'root' is no role"):
            await database.users.set_role("asha", "root", 8)  # type: ignore[arg-type]  # the mistake is the test

    async def test_each_change_begins_another_generation(self, database: Database):
        users = database.users
        added = await users.add("asha", "a hash", "viewer", 1)
        changed = [
            await users.set_password("asha", "another hash", 2),
            await users.set_role("asha", "admin", 3),
            await users.disable("asha", 4),
            await users.enable("asha", 5),
        ]
        assert [user.generation - added.generation for user in changed] == [1, 2, 3, 4]
        assert [user.changed_ns for user in changed] == [2, 3, 4, 5]
        assert [user.enabled for user in changed] == [True, True, False, True]
        assert (changed[-1].password_hash, changed[-1].role, changed[-1].created_ns) == ("another hash", "admin", 1)
        assert await users.get("asha") == changed[-1]

    async def test_no_change_is_lost_among_many_at_once(self, database: Database, second: Database):
        added = await database.users.add("asha", "a hash", "viewer", 1)
        await asyncio.gather(*(where.users.disable("asha", 2) for where in [database, second] * 5))
        assert (await database.users.list())[0].generation == added.generation + 10

    async def test_a_change_of_nobody_is_refused(self, database: Database):
        for change in (database.users.disable("asha", 1), database.users.set_password("asha", "a hash", 1)):
            with pytest.raises(UnknownRowError, match="there is no user asha: `alpha-panda users add asha` makes one"):
                await change

    async def test_a_user_does_not_show_the_hash(self, database: Database):
        assert "a hash" not in repr(await database.users.add("asha", "a hash", "viewer", 7))


class TokensContract:
    @pytest.fixture(autouse=True)
    async def users(self, database: Database) -> None:
        await database.users.add("asha", "a hash", "operator", 1)
        await database.users.add("ravi", "a hash", "viewer", 1)

    async def test_a_token_is_good_for_one_use(self, database: Database):
        await database.tokens.add(digest("first"), "asha", "sign-in", 100, 10)
        used = await database.tokens.use(digest("first"), 20)
        assert (used.outcome, used.accepted, used.user, used.family) == ("accepted", True, "asha", "sign-in")

    async def test_to_use_it_again_ends_all_that_came_of_the_sign_in(self, database: Database):
        tokens = database.tokens
        await tokens.add(digest("first"), "asha", "sign-in", 100, 10)
        await tokens.add(digest("elsewhere"), "asha", "another sign-in", 100, 10)
        await tokens.use(digest("first"), 20)
        await tokens.add(digest("second"), "asha", "sign-in", 100, 20)
        again = await tokens.use(digest("first"), 21)
        assert (again.outcome, again.accepted, again.user, again.family) == ("reused", False, "asha", "sign-in")
        assert (await tokens.use(digest("second"), 22)).outcome == "ended"
        assert (await tokens.use(digest("elsewhere"), 23)).outcome == "accepted"

    async def test_a_token_added_to_a_family_that_has_ended_is_worth_nothing(self, database: Database):
        await database.tokens.add(digest("first"), "asha", "sign-in", 100, 10)
        await database.tokens.revoke_family("sign-in", 11)
        await database.tokens.add(digest("second"), "asha", "sign-in", 100, 12)
        assert (await database.tokens.use(digest("second"), 13)).outcome == "ended"

    async def test_of_programs_that_use_a_token_at_once_one_may(self, database: Database, second: Database):
        await database.tokens.add(digest("first"), "asha", "sign-in", 100, 10)
        uses = await asyncio.gather(*(where.tokens.use(digest("first"), 20) for where in [database, second] * 4))
        assert sorted(use.outcome for use in uses) == ["accepted"] + ["reused"] * 7

    async def test_what_never_was_a_token_is_unknown(self, database: Database):
        used = await database.tokens.use(digest("guess"), 20)
        assert (used.outcome, used.user, used.family) == ("unknown", "", "")

    async def test_a_token_ends_at_its_time(self, database: Database):
        await database.tokens.add(digest("first"), "asha", "sign-in", 100, 10)
        assert (await database.tokens.use(digest("first"), 100)).outcome == "ended"
        assert (await database.tokens.use(digest("first"), 99)).outcome == "accepted"

    @pytest.mark.parametrize("change", ["disable", "enable", "set_role", "set_password"])
    async def test_a_change_of_the_user_ends_their_tokens(self, database: Database, change: str):
        values = {"set_role": ["admin"], "set_password": ["another hash"]}.get(change, [])
        await database.tokens.add(digest("of asha"), "asha", "sign-in", 100, 10)
        await database.tokens.add(digest("of ravi"), "ravi", "his sign-in", 100, 10)
        await getattr(database.users, change)("asha", *values, 11)
        assert (await database.tokens.use(digest("of asha"), 12)).outcome == "ended"
        assert (await database.tokens.use(digest("of ravi"), 12)).outcome == "accepted"
        assert not await database.tokens.stands("sign-in", "asha", 0)
        assert await database.tokens.stands("his sign-in", "ravi", 0)

    async def test_a_family_stands_until_its_user_signs_out(self, database: Database, second: Database):
        await database.tokens.add(digest("first"), "asha", "sign-in", 100, 10)
        assert await second.tokens.stands("sign-in", "asha", 0)
        await database.tokens.revoke_family("sign-in", 11)
        assert not await second.tokens.stands("sign-in", "asha", 0)

    @pytest.mark.parametrize("claimed", [("unknown", "asha", 0), ("sign-in", "ravi", 0), ("sign-in", "asha", 1)])
    async def test_nothing_stands_that_was_claimed_otherwise(self, database: Database, claimed: tuple[str, str, int]):
        await database.tokens.add(digest("first"), "asha", "sign-in", 100, 10)
        assert not await database.tokens.stands(*claimed)

    async def test_a_sign_in_with_a_password_that_was_changed_meanwhile_is_worth_nothing(self, database: Database):
        asha = await database.users.get("asha")
        assert asha is not None
        await database.users.set_password("asha", "another hash", 9)
        await database.tokens.add(digest("late"), "asha", "sign-in", 100, 10, generation=asha.generation)
        assert (await database.tokens.use(digest("late"), 11)).outcome == "ended"

    async def test_an_accepted_token_tells_the_generation_it_was_given_at(self, database: Database):
        asha = await database.users.set_role("asha", "admin", 9)
        await database.tokens.add(digest("first"), "asha", "sign-in", 100, 10)
        assert (await database.tokens.use(digest("first"), 11)).generation == asha.generation

    async def test_to_sign_out_everywhere_ends_every_family_of_a_user(self, database: Database):
        for user, family in (("asha", "desk"), ("asha", "phone"), ("ravi", "his desk")):
            await database.tokens.add(digest(family), user, family, 100, 10)
        await database.tokens.revoke_user("asha", 11)
        outcomes = [(await database.tokens.use(digest(family), 12)).outcome for family in ("desk", "phone", "his desk")]
        assert outcomes == ["ended", "ended", "accepted"]

    async def test_nobody_is_given_no_token(self, database: Database):
        with pytest.raises(UnknownRowError, match="there is no user meera"):
            await database.tokens.add(digest("first"), "meera", "sign-in", 100, 10)

    async def test_sign_ins_of_which_every_token_is_out_of_date_are_forgotten(self, database: Database):
        tokens = database.tokens
        await tokens.add(digest("old"), "asha", "an old sign-in", 100, 10)
        await tokens.add(digest("used"), "asha", "a sign-in in use", 100, 10)
        await tokens.add(digest("newer"), "asha", "a sign-in in use", 200, 90)
        await tokens.add(digest("new"), "asha", "a new sign-in", 300, 150)
        known = [(await tokens.use(digest(name), 160)).outcome for name in ("old", "used", "newer", "new")]
        assert known == ["unknown", "ended", "accepted", "accepted"]
