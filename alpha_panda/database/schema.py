"""The tables, as this version of the program knows them; `migrations` is how a database comes to have them.

Times are int64 nanoseconds UTC. What is JSON is kept as its canonical text, which reads the same in every database.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.engine.interfaces import Dialect

metadata = MetaData()


class Words(TypeDecorator[str]):
    """Text of whatever a person or a program wrote: what no database can hold is replaced, so that nothing is lost."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text without NUL and lone surrogates."""
        return None if value is None else value.replace("\0", "\ufffd").encode(errors="replace").decode()


def _number() -> "Column[int]":
    """Return the key of a table whose rows are numbered as they come."""
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _words(
    name: str, *constraints: ForeignKey, primary_key: bool = False, nullable: bool = False, index: bool = False
) -> "Column[str]":
    return Column(name, Words, *constraints, primary_key=primary_key, nullable=nullable, index=index)


def _count(name: str, nullable: bool = False) -> "Column[int]":
    return Column(name, BigInteger, nullable=nullable)


users = Table(
    "users",
    metadata,
    _words("name", primary_key=True),
    _words("password_hash"),
    _words("role"),
    _count("generation"),
    Column("enabled", Boolean, nullable=False),
    _count("created_ns"),
    _count("changed_ns"),
    CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="users_role"),
)

token_families = Table(
    "token_families",
    metadata,
    _words("family", primary_key=True),
    _words("user_name", ForeignKey("users.name"), index=True),
    _count("generation"),
    _count("created_ns"),
    _count("revoked_ns", nullable=True),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    _words("digest", primary_key=True),
    _words("family", ForeignKey("token_families.family", ondelete="CASCADE"), index=True),
    _count("created_ns"),
    _count("expires_ns"),
    _count("used_ns", nullable=True),
    CheckConstraint("length(digest) = 64", name="refresh_tokens_digest"),
)

strategy_versions = Table(
    "strategy_versions",
    metadata,
    _words("name", primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    _words("digest"),
    _words("terms"),
    Column("enabled", Boolean, nullable=False),
    _words("who"),
    _words("reason"),
    _count("created_ns"),
)

audit = Table(
    "audit",
    metadata,
    _number(),
    _count("time_ns"),
    _words("who"),
    _words("action"),
    _words("target"),
    _words("detail"),
    _words("outcome"),
    _words("correlation_id"),
    _words("address"),
)

alerts = Table(
    "alerts",
    metadata,
    _number(),
    _words("rule"),
    _words("key"),
    _words("severity"),
    _words("title"),
    _words("detail"),
    _words("figures"),
    _words("state"),
    _count("count"),
    _count("first_ns"),
    _count("last_ns"),
    _count("returned_ns", nullable=True),
    Column("told_count", BigInteger, nullable=False, server_default="0"),
    _count("told_ns", nullable=True),
    _words("acknowledged_by", nullable=True),
    _count("acknowledged_ns", nullable=True),
    _words("resolved_by", nullable=True),
    _count("resolved_ns", nullable=True),
    CheckConstraint("state IN ('open', 'acknowledged', 'resolved')", name="alerts_state"),
)
unresolved = alerts.c.state != "resolved"
Index(
    "alerts_unresolved",
    alerts.c.rule,
    alerts.c.key,
    unique=True,
    sqlite_where=unresolved,
    postgresql_where=unresolved,
)

alert_suppressions = Table(
    "alert_suppressions",
    metadata,
    _words("rule", primary_key=True),
    _words("key", primary_key=True),
    _count("until_ns"),
    _words("who"),
    _words("reason"),
)

alert_senders = Table(
    "alert_senders",
    metadata,
    _words("session", primary_key=True),
    _words("holder"),
    Column("able", Boolean, nullable=False),
    _count("until_ns"),
)
