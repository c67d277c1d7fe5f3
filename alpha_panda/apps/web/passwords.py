"""Passwords: argon2id, the same work for a name that is not there, and none of it on the event loop."""

import asyncio
import base64
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2

from alpha_panda.errors import ConfigurationError

PASSWORD_LENGTH_MIN = 12
"""Characters of a password; more than the 8 that NIST SP 800-63B asks for, since nothing else is asked of it."""

PASSWORD_LENGTH_MAX = 1_024

NO_PASSWORD = ""
"""The hash of a user whom no password signs in."""

PARAMETERS = argon2.Parameters(
    type=argon2.Type.ID,
    version=19,
    salt_len=16,
    hash_len=32,
    time_cost=3,
    memory_cost=65_536,  # KiB
    parallelism=4,
)
"""The second recommendation of RFC 9106, section 4, for machines that have other work to do as well."""

_OWN_CHARACTERS = 5  # different ones, besides those that everybody thinks of

# The words of which the commonest long passwords are made, as lists of leaked ones have them, and those of this place.
_FIRST_THOUGHTS = """
    password passwort passw0rd p@ssw0rd p@ssword qwerty qwertyuiop qwertz asdfgh asdfghjkl zxcvbn zxcvbnm
    1q2w3e4r 1q2w3e 1qaz 2wsx 3edc 4rfv abcdef welcome letmein iloveyou admin administrator login secret
    changeme master dragon monkey football cricket india bharat krishna sairam trading trader zerodha kite nifty
    banknifty sensex stock alphapanda alpha panda owner operator viewer
"""
_RUNS = re.compile("|".join(["(.)\\1{2,}", "0?1234\\d*", "9876\\d*", "(?:19|20)\\d\\d"]))

Result = TypeVar("Result")

_AT_ONCE = 1  # hashes: each takes its memory, and the processors that trade


def check_password(password: str, name: str) -> None:
    """Refuse a password that is too easily guessed; ConfigurationError says what would do."""
    if len(password) < PASSWORD_LENGTH_MIN:
        raise ConfigurationError(
            f"a password has at least {PASSWORD_LENGTH_MIN} characters, and this one {len(password)}"
        )
    if len(password) > PASSWORD_LENGTH_MAX:
        raise ConfigurationError(f"a password has at most {PASSWORD_LENGTH_MAX:,} characters")
    if _is_easily_guessed(password.casefold(), name.casefold()):
        raise ConfigurationError("this password is one of the first that anybody would try: choose another")


def _is_easily_guessed(password: str, name: str) -> bool:
    """Return whether little is left of a password without what everybody thinks of first."""
    for part in sorted({name, *_FIRST_THOUGHTS.split()}, key=len, reverse=True):
        password = password.replace(part, "") if part else password
    rest = _RUNS.sub("", password)
    return len(set(rest)) < _OWN_CHARACTERS


class Passwords:
    """Hashes passwords and verifies them, one at a time, in a thread of its own."""

    def __init__(self, parameters: argon2.Parameters = PARAMETERS) -> None:
        self._hasher = argon2.PasswordHasher.from_parameters(parameters)
        self._thread = ThreadPoolExecutor(_AT_ONCE, "passwords")
        self._decoy = _hash_of_nothing(parameters)

    async def fit(self, name: str, password: str) -> str:
        """Return what is kept of a new password of `name`; ConfigurationError where it is too easily guessed."""
        check_password(password, name)
        return await self.hash(password)

    async def hash(self, password: str) -> str:
        """Return what is kept of a password: parameters, salt and hash, in the PHC format."""
        return await self._off_the_loop(self._hasher.hash, password)

    async def verify(self, kept: str | None, password: str) -> bool:
        """Return whether `password` is the one that `kept` came of.

        Where there is no user, or none whom a password signs in, as much work is done as if there were.
        """
        is_right = await self._off_the_loop(self._matches, kept or self._decoy, password)
        return is_right and bool(kept)

    def is_outdated(self, kept: str) -> bool:
        """Return whether a hash was made with other parameters than today's, so that the next sign-in renews it."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    async def _off_the_loop(self, work: Callable[..., Result], *arguments: str) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def _hash_of_nothing(parameters: argon2.Parameters) -> str:
    """Return a hash in the PHC format that came of no password, and costs as much to verify as one that did."""
    lengths = (parameters.salt_len, parameters.hash_len)
    zeros = (base64.b64encode(bytes(length)).decode().rstrip("=") for length in lengths)
    terms = f"m={parameters.memory_cost},t={parameters.time_cost},p={parameters.parallelism}"
    return "$".join(["", "argon2id", f"v={parameters.version}", terms, *zeros])
