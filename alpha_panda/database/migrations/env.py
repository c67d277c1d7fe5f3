"""What alembic runs to migrate: on the connection, and in the transaction, that it is given."""

from alembic import context

from alpha_panda.database.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
