"""Where the database is: its URL, what that says, and how it may be spoken of."""

import contextlib
import dataclasses
import os
import pathlib
from urllib.parse import parse_qsl, urlsplit

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


Address = SqliteFile | PostgresServer


def database_url() -> str:
    """Return the URL of the database: as the environment says, else a file below the working directory."""
    return os.environ.get(DATABASE_URL) or _DEFAULT


def is_there(url: str) -> bool:
    """Return whether there is a database to read; a server is taken to have one, and is not asked."""
    address = parsed(url)
    return isinstance(address, PostgresServer) or address.path.exists()


def parsed(url: str) -> Address:
    """Return what `url` says; ConfigurationError, without repeating what may be a password, where that is nothing."""
    if not url.isprintable():
        raise ConfigurationError(f"the URL of the database holds what cannot be printed, such as a line end: {_KNOWN}")
    scheme, _, rest = url.partition("://")
    if scheme in _POSTGRESQL:
        return PostgresServer(_place_of_server(rest), f"postgresql://{rest}")
    if scheme not in _SQLITE:
        raise ConfigurationError(f"the URL of the database is of no kind that is known here: {_KNOWN}")
    if not rest.startswith("/") or rest in ("/", "/:memory:") or "?" in rest:
        raise ConfigurationError(f"the URL of the database names no file: {_KNOWN}")
    return SqliteFile(pathlib.Path(rest[1:]))


def _place_of_server(rest: str) -> str:
    """Return where a server is, without its password, and without its options, of which one may be the password."""
    with contextlib.suppress(ValueError):  # its message would quote a password
        parts = urlsplit(f"postgresql://{rest}")
        user, port = (f"{parts.username}@" if parts.username else ""), (f":{parts.port}" if parts.port else "")
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        numbers = all(value.isdecimal() for name, value in options.items() if name == "port")
        # An @ behind the place means that a password has ended too early.
        if "@" not in parts.path + parts.query + parts.fragment and numbers and parts.port != 0:
            return f"postgresql://{user}{host}{port}{parts.path}"
    raise ConfigurationError(
        "the URL of the database cannot be read: special characters of a password are written as %-codes, / as %2F"
    )
