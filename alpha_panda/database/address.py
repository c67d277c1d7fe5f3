"""Where the database is: its URL, what that says, and how it may be spoken of."""

import dataclasses
import os
import pathlib
from urllib.parse import SplitResult, urlsplit

from alpha_panda.errors import ConfigurationError

DATABASE_URL = "ALPHA_PANDA_DATABASE_URL"
"""The environment variable that names the database."""

_DEFAULT = "sqlite:///live/alpha_panda.db"
_SQLITE = ("sqlite", "sqlite+aiosqlite")
_POSTGRESQL = ("postgresql", "postgres", "postgresql+asyncpg")
_KNOWN = "write sqlite:///path/of/a/file, or postgresql://user:password@host/name"


@dataclasses.dataclass(frozen=True)
class SqliteFile:
    """A database in a file of this machine."""

    path: pathlib.Path

    @property
    def place(self) -> str:
        """Where it is, for a sentence."""
        return str(self.path)


@dataclasses.dataclass(frozen=True)
class PostgresServer:
    """A database on a server; `dsn` is what PostgreSQL's own programs understand, and holds the password."""

    place: str
    dsn: str = dataclasses.field(repr=False)


def database_url() -> str:
    """Return the URL of the database: as the environment says, else a file below the working directory."""
    return os.environ.get(DATABASE_URL) or _DEFAULT


def is_there(url: str) -> bool:
    """Return whether there is a database to read; a server is taken to have one, and is not asked."""
    address = parsed(url)
    return isinstance(address, PostgresServer) or address.path.exists()


def parsed(url: str) -> SqliteFile | PostgresServer:
    """Return what `url` says; ConfigurationError, without repeating what may be a password, where that is nothing."""
    try:
        parts = urlsplit(url)
        place = _place(parts)
    except ValueError:  # its message would quote the password, where that holds a bracket or a slash
        raise ConfigurationError(
            "the URL of the database cannot be read: write special characters of a password as %-codes, / as %2F"
        ) from None
    if parts.scheme in _POSTGRESQL:
        return PostgresServer(place, url.replace(parts.scheme, "postgresql", 1))
    if parts.scheme not in _SQLITE:
        raise ConfigurationError(f"the URL of the database begins with {parts.scheme or 'nothing'!r}: {_KNOWN}")
    path = url.partition("://")[2]
    if not path.startswith("/") or path in ("/", "/:memory:") or "?" in path:
        raise ConfigurationError(f"the URL of the database names no file: {_KNOWN}")
    return SqliteFile(pathlib.Path(path[1:]))


def _place(parts: SplitResult) -> str:
    """Return where a server is, without its password and its options, of which one may be the password, too."""
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{user}{parts.hostname or ''}{port}{parts.path}"
