"""Signing in: by name and password, throttled, or once by the link that the terminal showed."""

import dataclasses
import hashlib
import hmac
from collections.abc import Callable

from alpha_panda.apps.web.passwords import NO_PASSWORD, Passwords
from alpha_panda.apps.web.sessions import Grant, Sessions
from alpha_panda.apps.web.throttle import Throttle
from alpha_panda.database.repositories import Database
from alpha_panda.database.users import NAME_LENGTH_MAX
from alpha_panda.errors import DuplicateRowError

OWNER = "owner"
"""The user of whoever has the machine, until there are others."""

LINK_LASTS_S = 600.0

_WAITING_MAX = 8  # sign-ins: each keeps the processor busy for a tenth of a second


@dataclasses.dataclass(frozen=True)
class Refused:
    """Why nobody was signed in."""

    status: int
    code: str
    sentence: str
    retry_s: float = 0.0


_WITHOUT_LINK = "`alpha-panda users add NAME --role admin` on this machine makes a user who signs in with a password"
_WRONG = Refused(401, "wrong_credentials", "name or password is wrong")
_BUSY = Refused(503, "busy", "too many sign in at this moment: try again in some seconds", 5.0)


class SigningIn:
    """Turns what a visitor proves into a session."""

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        passwords: Passwords,
        throttle: Throttle,
        wall_ns: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._users = database.users
        self._sessions, self._passwords, self._throttle = sessions, passwords, throttle
        self._wall_ns, self._monotonic = wall_ns, monotonic
        self._waiting = 0
        self._link = b""
        self._link_until_s = 0.0

    async def by_password(self, name: str, password: str, address: str) -> Grant | Refused:
        """Begin a session for a name and its password; who fails too often is not looked at for a while."""
        if len(name) > NAME_LENGTH_MAX:
            name = ""  # it is nobody's, and waits and costs like any other
        if self._waiting >= _WAITING_MAX:
            return _BUSY
        if (wait_s := self._throttle.admit(name, address)) > 0.0:
            sentence = f"too many failed: wait {wait_s:,.0f} seconds before the next attempt"
            return Refused(429, "throttled", sentence, wait_s)
        self._waiting += 1
        try:
            return await self._proven(name, password, address)
        finally:
            self._waiting -= 1

    async def _proven(self, name: str, password: str, address: str) -> Grant | Refused:
        user = await self._users.get(name)
        kept = user.password_hash if user is not None else None
        is_right = await self._passwords.verify(kept, password)
        if user is None or not is_right or not user.enabled:
            return _WRONG
        self._throttle.succeeded(name, address)
        if self._passwords.is_outdated(user.password_hash):
            user = await self._users.set_password(name, await self._passwords.hash(password), self._wall_ns())
        return await self._sessions.begin(user)

    # ── The link ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def new_link(self, token: str) -> bool:
        """Let `token` sign in the owner once, within ten minutes; return False where somebody has a password."""
        if any(user.password_hash != NO_PASSWORD for user in await self._users.list()):
            return False
        self._link, self._link_until_s = _digest(token), self._monotonic() + LINK_LASTS_S
        return True

    async def by_link(self, token: str, address: str) -> Grant | Refused:
        """Begin the session of the owner for the token of a link that is still good; it is not good a second time."""
        if (wait_s := self._throttle.admit("", address)) > 0.0:
            return Refused(429, "throttled", f"too many failed: wait {wait_s:,.0f} seconds", wait_s)
        is_right = hmac.compare_digest(self._link, _digest(token)) and self._monotonic() < self._link_until_s
        if not is_right:
            return Refused(401, "link_spent", f"this link was used or is too old: {_WITHOUT_LINK}")
        self._link = b""
        self._throttle.succeeded("", address)
        user = await self._users.get(OWNER)
        if user is None:
            try:
                user = await self._users.add(OWNER, NO_PASSWORD, "admin", self._wall_ns())
            except DuplicateRowError:
                user = await self._users.get(OWNER)
        if user is None or not user.enabled or user.password_hash != NO_PASSWORD:
            return Refused(401, "link_spent", f"the user {OWNER} signs in with a password, or not at all")
        return await self._sessions.begin(user)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
