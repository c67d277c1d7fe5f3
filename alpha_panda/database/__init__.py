"""The database: users, refresh tokens, strategy configurations, the state of alerts, and who did what.

It lives in an SQLite file, or in PostgreSQL where ALPHA_PANDA_DATABASE_URL names one. Its libraries belong to the
extra `web` and are imported when it is opened, so that whatever trades can ask whether there is one without them.
"""

from alpha_panda.database.address import DATABASE_URL, database_url, is_there
from alpha_panda.database.opening import open_database

__all__ = ["database_url", "DATABASE_URL", "is_there", "open_database"]
