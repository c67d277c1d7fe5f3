"""Which process sends the messages of a session: one at a time, for some seconds, and again for as long as it lives."""

import dataclasses

from sqlalchemy import and_, literal, not_, or_, select

from alpha_panda.database.connections import Connections, insert, rows
from alpha_panda.database.schema import alert_senders

_columns = alert_senders.c


@dataclasses.dataclass(frozen=True, slots=True)
class Sender:
    """Who sends the messages of a session until a time, and whether it has a target that takes them."""

    session: str
    holder: str
    able: bool
    until_ns: int


class Senders:
    """The sender of each session."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def get(self, session: str) -> Sender | None:
        """Return who sends the messages of a session, or did last; None where nobody ever has."""
        found = await self._connections.rows(select(alert_senders).where(_columns.session == session))
        return Sender(**found[0]) if found else None

    async def claim(self, session: str, holder: str, able: bool, until_ns: int, now_ns: int) -> Sender:
        """Be the sender until then, unless somebody else is at `now_ns`; return who is.

        Whoever has a target that takes messages goes before a sender that has none.
        """
        mine = Sender(session, holder, able, until_ns)
        free = or_(_columns.holder == holder, _columns.until_ns <= now_ns, and_(literal(able), not_(_columns.able)))
        async with self._connections.writing() as connection:
            adding = insert(connection, alert_senders).values(dataclasses.asdict(mine))
            said = {"holder": holder, "able": able, "until_ns": until_ns}
            await connection.execute(adding.on_conflict_do_update(index_elements=["session"], set_=said, where=free))
            (found,) = await rows(connection, select(alert_senders).where(_columns.session == session))
        return Sender(**found)
