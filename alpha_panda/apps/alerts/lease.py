"""Which of the processes that look at a session sends its messages: one of them, as long as the database can tell.

A message that arrives twice is a nuisance, one that never arrives a loss: whoever cannot see that another one sends,
does so itself. Where nobody can reach the database, each of them does, some seconds after it was last seen.
"""

from collections.abc import Callable

from alpha_panda.database.senders import Sender, Senders
from alpha_panda.units import SECOND_NS

LEASE_S = 6.0
"""For how long one process sends without saying so again; another one takes over that much later."""

_RENEWED_S = 1.5  # after so much of it, at the next opportunity


class Lease:
    """The right of one process, the `holder`, to send the messages of a session."""

    def __init__(
        self,
        senders: Senders,
        session: str,
        holder: str,
        wall_ns: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._senders, self._session, self._holder = senders, session, holder
        self._wall_ns, self._monotonic = wall_ns, monotonic
        self._known: Sender | None = None
        self._since_s = 0.0  # since when what is known has stood still

    @property
    def here(self) -> bool:
        """Whether this process sends."""
        known = self._known
        return known is None or known.holder == self._holder or known.until_ns <= self._now_ns()

    async def renew(self, able: bool) -> None:
        """Go on sending, or begin where nobody does; `able` says whether a target takes messages.

        Raises DatabaseError. It writes only where there is something to change, for others write there, too.
        """
        self._note(await self._senders.get(self._session))
        if self._is_due(able):
            until_ns = self._wall_ns() + int(LEASE_S * SECOND_NS)
            self._note(await self._senders.claim(self._session, self._holder, able, until_ns, self._now_ns()))

    def _note(self, found: Sender | None) -> None:
        if found != self._known:
            self._known, self._since_s = found, self._monotonic()

    def _is_due(self, able: bool) -> bool:
        """Return whether there is something to claim: what is free, ours and soon over, or of one who cannot send."""
        known = self._known
        if known is None or known.holder != self._holder:
            return self.here or (known is not None and able and not known.able)
        left_s = (known.until_ns - self._wall_ns()) / SECOND_NS
        return left_s < LEASE_S - _RENEWED_S or known.able != able

    def _now_ns(self) -> int:
        """Return the time that a lease is held against.

        One that has stood still for as long as it lasts has run out, whatever the clock of its holder's machine says.
        """
        now_ns, known = self._wall_ns(), self._known
        still = known is not None and self._monotonic() - self._since_s >= LEASE_S
        return max(now_ns, known.until_ns) if known is not None and still else now_ns
