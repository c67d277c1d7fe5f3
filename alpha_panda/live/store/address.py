"""Which Redis server a URL names, checked before anybody connects.

The client passes over what it does not understand: a database that is no number is number 0, a host that is missing is
this machine, and a password with a / in it ends the address. So nothing is handed to it that was not understood here.
"""

import contextlib
import dataclasses
import pathlib
import re
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from alpha_panda.errors import ConfigurationError

_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
_OF_TLS = (*_FILES, "ssl_password", "ssl_cert_reqs", "ssl_check_hostname")
_OPTIONS = {"redis": (), "rediss": _OF_TLS, "unix": ("db",)}
_MEANT = {
    "ssl_cert_reqs": ("none", "optional", "required"),
    "ssl_check_hostname": ("true", "false"),
}
_EXAMPLE = "redis needs an address such as redis://localhost:6379/0"


@dataclasses.dataclass(frozen=True)
class RedisAddress:
    """A Redis server; `url` is what the client understands, and holds the password."""

    where: str  # for a sentence
    url: str = dataclasses.field(repr=False)


def parsed(url: str) -> RedisAddress:
    """Return which server `url` names; ConfigurationError, without a piece of a password, where it names none."""
    if not url.isprintable() or " " in url:
        raise ConfigurationError(f"{_EXAMPLE}, without blanks and line ends")
    with contextlib.suppress(ValueError):  # its words would quote a piece of a password that has a / in it
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else []
        if parts.port != 0 and "@" not in parts.path + parts.query and "#" not in url:
            _check_place(parts)
            _check_options(parts.scheme, options)
            return RedisAddress(_where(parts), url)
    raise ConfigurationError(f"{_EXAMPLE}, special characters of a password as %-codes, / as %2F")


def _check_place(parts: SplitResult) -> None:
    if parts.scheme not in _OPTIONS:
        raise ConfigurationError(f"{_EXAMPLE}, rediss://… with TLS, or unix:///path/of/a/socket")
    if parts.scheme == "unix":
        if parts.hostname or not parts.path.strip("/"):
            raise ConfigurationError("a socket of Redis is written as unix:///path/of/a/socket, with three strokes")
    elif not parts.hostname:
        raise ConfigurationError(f"{_EXAMPLE}, and this one names no host")
    elif not re.fullmatch(r"(/[0-9]{0,4})?", parts.path):
        raise ConfigurationError(f"{_EXAMPLE}, and behind the / of this one stands no number of a database")


def _check_options(scheme: str, options: list[tuple[str, str]]) -> None:
    known, names = _OPTIONS[scheme], [name for name, _ in options]
    if unknown := [name for name in names if name not in known or names.count(name) > 1]:
        instead = f"what may stand there, once, is {', '.join(known)}" if known else f"{scheme}:// takes none"
        raise ConfigurationError(f"the address of redis has the option {unknown[0]!r}: {instead}")
    for name, value in options:
        if name in _FILES and not pathlib.Path(value).exists():
            raise ConfigurationError(f"{name} of the address of redis names a file that is not there: {value}")
        if name in _MEANT and value not in _MEANT[name]:
            raise ConfigurationError(f"{name} of the address of redis is one of {', '.join(_MEANT[name])}")
        if name == "db" and not re.fullmatch(r"[0-9]{1,4}", value):
            raise ConfigurationError("db of the address of redis is the number of a database")


def _where(parts: SplitResult) -> str:
    """Return where a server is, without user, password and options."""
    if parts.scheme == "unix":
        return unquote(parts.path)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port}" if parts.port else f"{host}"
