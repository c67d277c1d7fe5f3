"""Sessions: begun by a sign-in, carried on by refresh tokens, ended at once by whoever may end them."""

import asyncio
import collections
import dataclasses
import hashlib
from collections.abc import Callable

from alpha_panda.apps.access import Principal
from alpha_panda.apps.web.tokens import LIFETIME_NS, REFRESH_LIFETIME_NS, STOP_LIFETIME_NS, SignedTokens
from alpha_panda.database.repositories import Database
from alpha_panda.database.users import User
from alpha_panda.errors import DatabaseError

SEEN_WITHIN_S = 1.0
"""How old what is known of a session may be: so soon is everybody out who was, by another process, signed out or
disabled."""

_PATIENCE_S = 0.5  # with a database that hangs, for each request
_SAME_ANSWER_S = 10.0  # two tabs of one browser may refresh at once, and neither is a thief
_KEPT_MAX = 10_000


@dataclasses.dataclass(frozen=True)
class Grant:
    """What a visitor is given: a token to ask with, one to be given the next ones for, and one to stop trading with."""

    principal: Principal
    access: str = dataclasses.field(repr=False)
    refresh: str = dataclasses.field(repr=False)
    stop: str = dataclasses.field(repr=False)  # stops trading, also when the others are of no use; empty for viewers


@dataclasses.dataclass(frozen=True)
class _Seen:
    at_s: float
    stands: bool  # whether nobody has ended the session


class Sessions:
    """The sessions of one process; users and refresh tokens are the database's, which may be shared."""

    def __init__(
        self,
        database: Database,
        secret: bytes,
        wall_ns: Callable[[], int],
        monotonic: Callable[[], float],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._users, self._tokens = database.users, database.tokens
        self._access, self._stops = (SignedTokens(secret, wall_ns, purpose) for purpose in ("access", "stop"))
        self._wall_ns, self._monotonic, self._random_bytes = wall_ns, monotonic, random_bytes
        self._seen: collections.OrderedDict[str, _Seen] = collections.OrderedDict()
        self._looking: dict[str, asyncio.Task[_Seen]] = {}
        self._expires_ns: dict[str, int] = {}  # of each session that was refreshed here, its newest access token's
        self._ended: dict[str, int] = {}  # until when the last token of an ended session would be good
        self._renewing = asyncio.Lock()
        self._renewed: collections.OrderedDict[str, tuple[float, Grant]] = collections.OrderedDict()

    async def begin(self, user: User) -> Grant:
        """Begin a session of a user who has just proven who they are."""
        return await self._granted(user, self._random_bytes(16).hex())

    async def renew(self, refresh: str) -> Grant | None:
        """Return the next tokens of a session for its refresh token; None where that is not good, or no longer.

        A token that is used twice has been stolen from somebody, and ends the session; within some seconds it is
        answered once more as before.
        """
        digest = _digest(refresh)
        async with self._renewing:
            answered_s, before = self._renewed.get(digest, (float("-inf"), None))
            if before is not None and self._monotonic() - answered_s < _SAME_ANSWER_S:
                return before if await self.holds(before.principal) else None
            use = await self._tokens.use(digest, self._wall_ns())
            if use.outcome == "reused":
                self._end(use.family)
            user = await self._users.get(use.user) if use.accepted else None
            if user is None or user.generation != use.generation:
                return None
            grant = await self._granted(user, use.family)
            self._renewed[digest] = self._monotonic(), grant
            if len(self._renewed) > _KEPT_MAX:
                self._renewed.popitem(last=False)
        return grant

    async def end(self, session: str) -> None:
        """End a session, with all its tokens."""
        self._end(session)
        await self._tokens.revoke_family(session, self._wall_ns())

    async def end_by(self, refresh: str) -> str:
        """End the session of a refresh token, and return whose it was; empty where it was nobody's."""
        use = await self._tokens.use(_digest(refresh), self._wall_ns())
        if use.family:
            await self.end(use.family)
        return use.user

    async def principal(self, token: str) -> Principal | None:
        """Return who holds an access token; None where it is not good, or no longer."""
        principal = self._access.read(token) if token else None
        return principal if principal is not None and await self.holds(principal) else None

    async def stopper(self, token: str) -> Principal | None:
        """Return who holds a token that stops trading; None where it is not good, or no longer."""
        principal = self._stops.read(token) if token else None
        return principal if principal is not None and await self._stands(principal) else None

    async def holds(self, principal: Principal) -> bool:
        """Return whether a session still lasts: not ended, not out of date, its user as they were when it began."""
        expires_ns = max(principal.expires_ns, self._expires_ns.get(principal.session, 0))
        return expires_ns > self._wall_ns() and await self._stands(principal)

    async def _stands(self, principal: Principal) -> bool:
        """Return whether nobody has ended a session, here or elsewhere.

        While the database is away or hangs, what was known last holds: whoever watches can still stop trading, at once.
        """
        if principal.session in self._ended:
            return False
        seen = self._seen.get(principal.session)
        if seen is None or self._monotonic() - seen.at_s >= SEEN_WITHIN_S:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    seen = await self._looked_up(principal)
            except (DatabaseError, TimeoutError):
                return seen is None or seen.stands
        return seen.stands

    async def _looked_up(self, principal: Principal) -> _Seen:
        """Return what the database knows of a session; whoever asks while it is being asked shares the answer."""
        session = principal.session
        looking = self._looking.get(session)
        if looking is None:
            looking = self._looking[session] = asyncio.create_task(self._look_up(principal))
            looking.add_done_callback(lambda looked: self._on_looked(session, looked))
        return await asyncio.shield(looking)

    def _on_looked(self, session: str, looked: "asyncio.Task[_Seen]") -> None:
        del self._looking[session]
        if not looked.cancelled():
            looked.exception()  # nobody may be waiting any more to hear it

    async def _look_up(self, principal: Principal) -> _Seen:
        session = principal.session
        stands = await self._tokens.stands(session, principal.name, principal.generation)
        seen = self._seen[session] = _Seen(self._monotonic(), stands)
        self._seen.move_to_end(session)
        if len(self._seen) > _KEPT_MAX:
            self._seen.popitem(last=False)
        return seen

    async def _granted(self, user: User, session: str) -> Grant:
        now_ns = self._wall_ns()
        principal = Principal(user.name, user.role, user.generation, session, now_ns + LIFETIME_NS)
        refresh = self._random_bytes(32).hex()
        await self._tokens.add(
            _digest(refresh), user.name, session, now_ns + REFRESH_LIFETIME_NS, now_ns, user.generation
        )
        self._forget(now_ns)
        self._expires_ns[session] = principal.expires_ns
        return Grant(principal, self._access.issue(principal), refresh, self._stop_token(principal, now_ns))

    def _stop_token(self, principal: Principal, now_ns: int) -> str:
        """Return what stops trading for somebody who may, and makes nobody more than an operator."""
        if not principal.may("operator"):
            return ""
        stopper = dataclasses.replace(principal, role="operator", expires_ns=now_ns + STOP_LIFETIME_NS)
        return self._stops.issue(stopper)

    def _end(self, session: str) -> None:
        self._forget(self._wall_ns())
        self._ended[session] = self._wall_ns() + STOP_LIFETIME_NS

    def _forget(self, now_ns: int) -> None:
        """Forget the sessions of which no such token is good any more."""
        for kept in (self._expires_ns, self._ended):
            for session in [session for session, until_ns in kept.items() if until_ns <= now_ns]:
                del kept[session]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
