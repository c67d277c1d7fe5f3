"""Passwords: kept as argon2id, and verified with the same work whether or not there is somebody."""

import asyncio
import threading
from collections.abc import Iterator

import argon2
import pytest

from alpha_panda.apps.web.passwords import PARAMETERS, Passwords, check_password
from alpha_panda.errors import ConfigurationError
from tests.apps.web.house import CHEAP, PASSWORD


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    cheap = Passwords(CHEAP)
    yield cheap
    cheap.close()


async def test_a_password_is_known_by_its_hash_and_no_other_is(passwords: Passwords):
    kept = await passwords.hash(PASSWORD)
    assert kept.startswith("$argon2id$v=19$")
    assert PASSWORD not in kept
    assert await passwords.verify(kept, PASSWORD)
    assert not await passwords.verify(kept, PASSWORD + " ")


async def test_the_same_password_is_kept_differently_each_time(passwords: Passwords):
    assert await passwords.hash(PASSWORD) != await passwords.hash(PASSWORD)


def test_the_parameters_are_the_second_recommendation_of_rfc_9106():
    assert (PARAMETERS.type, PARAMETERS.time_cost, PARAMETERS.memory_cost, PARAMETERS.parallelism) == (
        *(argon2.Type.ID, 3, 64 * 1024, 4),
    )
    assert (PARAMETERS.salt_len, PARAMETERS.hash_len) == (16, 32)


async def test_a_hash_made_with_other_parameters_is_outdated(passwords: Passwords):
    stronger = Passwords(argon2.Parameters(argon2.Type.ID, 19, 16, 32, 2, 16, 1))
    kept = await passwords.hash(PASSWORD)
    assert not passwords.is_outdated(kept)
    assert stronger.is_outdated(kept)
    assert await stronger.verify(kept, PASSWORD)
    stronger.close()


@pytest.mark.parametrize("kept", [None, "", "not a hash"])
async def test_where_there_is_no_hash_no_password_is_right(passwords: Passwords, kept: str | None):
    assert not await passwords.verify(kept, PASSWORD)
    assert not await passwords.verify(kept, "nobody has this password")


@pytest.mark.parametrize("kept", ["a hash", None, ""])
async def test_every_attempt_costs_one_verification(
    passwords: Passwords, kept: str | None, monkeypatch: pytest.MonkeyPatch
):
    known = await passwords.hash(PASSWORD)
    worked: list[tuple[int, argon2.Parameters]] = []
    verify = argon2.PasswordHasher.verify

    def counted(self: argon2.PasswordHasher, hash: str, password: str) -> bool:
        worked.append((threading.get_ident(), argon2.extract_parameters(hash)))
        return verify(self, hash, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    assert not await passwords.verify(known if kept else kept, "a guess")
    ((thread, parameters),) = worked
    assert parameters == CHEAP
    assert thread != threading.get_ident(), "the event loop did the work itself"


async def test_the_event_loop_turns_while_a_password_is_hashed():
    slow = Passwords(argon2.Parameters(argon2.Type.ID, 19, 16, 32, 3, 32_768, 1))
    hashing = asyncio.create_task(slow.hash(PASSWORD))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    slow.close()


@pytest.mark.parametrize(
    ("password", "part"),
    [
        ("short", "at least 12 characters"),
        ("x" * 1_025, "at most 1,024 characters"),
        ("aaaabbbbaaaa", "one of the first"),
        ("asha_sharmaasha_sharma", "one of the first"),
        ("asha_sharma1234", "one of the first"),
        ("123456789012", "one of the first"),
        ("Password2026!", "one of the first"),
        ("qwertyuiop12", "one of the first"),
        ("Zerodha@12345", "one of the first"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(password: str, part: str):
    with pytest.raises(ConfigurationError, match=part) as refused:
        check_password(password, "asha_sharma")
    assert password not in str(refused.value)
