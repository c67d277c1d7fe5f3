"""When people were told of an alert, when it returned, and which process tells them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what is known of messages; of alerts that there are, the program before has told."""
    op.add_column("alerts", sa.Column("returned_ns", sa.BigInteger))
    op.add_column("alerts", sa.Column("told_count", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("alerts", sa.Column("told_ns", sa.BigInteger))
    op.execute("UPDATE alerts SET told_count = 1, told_ns = last_ns")
    op.create_table(
        "alert_senders",
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("able", sa.Boolean, nullable=False),
        sa.Column("until_ns", sa.BigInteger, nullable=False),
    )
