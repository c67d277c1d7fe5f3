"""Alerts, of which one per rule and key is unresolved, and what keeps them quiet."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of alerts."""
    words = ("rule", "key", "severity", "title", "detail", "figures", "state")
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in words),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("count", "first_ns", "last_ns")),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("acknowledged_ns", sa.BigInteger),
        sa.Column("resolved_by", sa.Text),
        sa.Column("resolved_ns", sa.BigInteger),
        sa.CheckConstraint("state IN ('open', 'acknowledged', 'resolved')", name="alerts_state"),
    )
    only = sa.text("state != 'resolved'")
    op.create_index(
        "alerts_unresolved", "alerts", ["rule", "key"], unique=True, sqlite_where=only, postgresql_where=only
    )
    op.create_table(
        "alert_suppressions",
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("until_ns", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
