"""The database as its users see it: one repository for each thing that it keeps."""

import dataclasses

from alpha_panda.database.alerts import Alerts
from alpha_panda.database.audit import Audit
from alpha_panda.database.connections import Connections
from alpha_panda.database.senders import Senders
from alpha_panda.database.strategies import Strategies
from alpha_panda.database.tokens import Tokens
from alpha_panda.database.users import Users


@dataclasses.dataclass(frozen=True)
class Database:
    """An open database; each call is one transaction, kept when it returns."""

    users: Users
    tokens: Tokens
    strategies: Strategies
    alerts: Alerts
    senders: Senders
    audit: Audit

    @classmethod
    def over(cls, connections: Connections) -> "Database":
        """Return the repositories over these connections."""
        return cls(
            users=Users(connections),
            tokens=Tokens(connections),
            strategies=Strategies(connections),
            alerts=Alerts(connections),
            senders=Senders(connections),
            audit=Audit(connections),
        )
