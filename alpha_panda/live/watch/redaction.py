"""What may be written down for people: no secret, and no character that a terminal or a log would obey."""

import functools
import json
import math
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec
import numpy as np

REDACTED = "[redacted]"

_SHORTEST_SECRET = 6  # characters: what is shorter also stands in numbers and words, and would blacken those
_LONGEST_TEXT = 8_000  # characters: a message that is no message may be as long as a record
_DEEPEST = 8

_WORDS = r"secret|passw(?:or)?d|passphrase|credentials?|authori[sz]ation|cookie|enctoken|totp|api_?key|private_?key"
_SECRET_NAME = re.compile(rf"(?:^|[_\W]|PG)(?:{_WORDS}|token|key|pin|pass|pwd)(?:$|[_\W\d])", re.IGNORECASE)
_TARGET_NAME = re.compile(r"(?:^|_)(?:ALERTS|WEBHOOKS?)(?:_URLS?)?$", re.IGNORECASE)
_PLAIN_NAMES = frozenset({"instrument_token", "instrument_tokens", "key"})  # of a record, and of an instrument

# The password of an address, which may be written with characters that belong there as %-codes: up to the first @, or
# up to the last one.
_BEFORE_HOST = tuple(re.compile(rf"://[^/\s:@]*:(.+{which})@") for which in ("?", ""))
_OPTION = re.compile(r"[?&]([^=&#\s]+)=([^&#\s]*)")
_WORD = re.compile(r"[a-z]{1,12}")  # too plain to be what opens anything, and too common to be blackened everywhere

_IN_TEXT = (
    # The password of an address, user:password@host.
    (re.compile(r"(?<=://)([^/\s:@]*):[^/\s]+(?=@)"), rf"\1:{REDACTED}"),
    (re.compile(r"(?i)(authorization\W{1,4}(?:token|bearer|basic)\s+)[^\s'\",;]+"), rf"\1{REDACTED}"),
    (
        re.compile(
            rf"(?i)((?:{_WORDS}|(?:access|request|refresh)_token)['\"]?\s*[=:]\s*['\"]?)(?!\[redacted)[^\s'\"&,;}}]+"
        ),
        rf"\1{REDACTED}",
    ),
)
# Control characters, those that end lines, and those that turn the direction of what follows.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def secrets_in(environment: Mapping[str, str]) -> frozenset[str]:
    """Return what looks like a secret in environment variables.

    It is one by the name of its variable, as the password or an option of an address, or as any part of an address to
    which alerts go: of those, whatever is not a plain word may be what opens them.
    """
    found: set[str] = set()
    for name, value in environment.items():
        if _SECRET_NAME.search(name):
            found |= {value, *value.splitlines()}
        elif _TARGET_NAME.search(name):
            found |= {value, *_passwords(value)}
            for target in re.split(r"[\s,]+", value):
                found |= {part for part in secrets_of(target) if not _WORD.fullmatch(part) or part == _host(target)}
        elif "://" in value:
            found |= set(_passwords(value))
    written = found | {urllib.parse.unquote(each) for each in found}
    return frozenset(each for each in written if len(each) >= _SHORTEST_SECRET)


def secrets_of(address: str) -> frozenset[str]:
    """Return an address and every part of it but its kind and the name of a machine: each may be what opens it."""
    parts = {address, *re.split(r"[/:@?&=,+#]+", address)[1:]}
    host, written = _host(address), parts | set(map(urllib.parse.unquote, parts))
    return frozenset(written - {host} if "." in host or host == "localhost" else written)


def _host(address: str) -> str:
    """Return what stands in the place of a host, in its own letters; of some services it is a secret."""
    authority = address.partition("://")[2]
    return re.split(r"[/?#]", authority, maxsplit=1)[0].rpartition("@")[2].partition(":")[0]


def _passwords(addresses: str) -> Iterator[str]:
    """Yield the passwords of addresses: before a host, however ill-formed they are, and among the options."""
    for text in (addresses, *addresses.split(",")):
        yield from (found[1] for pattern in _BEFORE_HOST if (found := pattern.search(text)))
    yield from (value for name, value in _OPTION.findall(addresses) if _SECRET_NAME.search(name))


class Redaction:
    """Makes a value fit to be written down, knowing the secrets that must not be."""

    def __init__(self, secrets: Iterable[str]) -> None:
        written = {form for secret in secrets for form in _forms(secret)}
        # The longest first, since one may begin another.
        ordered = sorted(written, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """Return a text without secrets, each obeyed character as its escape; a long one is cut."""
        if self._secrets is not None:
            text = self._secrets.sub(REDACTED, text)
        if (text.isalnum() or text.isidentifier()) and len(text) <= _LONGEST_TEXT:
            return text  # most are ids and words, which contain nothing
        for pattern, replacement in _IN_TEXT:
            text = pattern.sub(replacement, text)
        # Cut last, since half of a secret would not be known for one.
        rest = f"… {len(text)} characters" if len(text) > _LONGEST_TEXT else ""
        return _OBEYED.sub(_escaped, text[:_LONGEST_TEXT]) + rest

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return a value of texts, numbers, lists and tables, with every text made fit and secret entries blackened."""
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, np.generic):
            return self.value(value.item(), depth)
        if isinstance(value, bytes):
            return self.text(value.decode(errors="backslashreplace"))
        if isinstance(value, msgspec.Struct):
            value = msgspec.structs.asdict(value)
        if depth < _DEEPEST and isinstance(value, Mapping):
            entries = cast(Mapping[Any, Any], value).items()
            return {self.text(str(name)): self._entry(str(name), each, depth) for name, each in entries}
        if depth < _DEEPEST and isinstance(value, Sequence | set | frozenset):
            return [self.value(each, depth + 1) for each in cast(Sequence[Any], value)]
        return self.text(str(cast(object, value)))

    def _entry(self, name: str, value: Any, depth: int) -> Any:
        return REDACTED if value and _names_secret(name) else self.value(value, depth + 1)


@functools.lru_cache(maxsize=4_096)
def _names_secret(name: str) -> bool:
    return name not in _PLAIN_NAMES and _SECRET_NAME.search(name) is not None


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, as it stands in an address, and as in a text of JSON or of Python."""
    yield from (secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret))
    yield from (json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape", errors="backslashreplace").decode()
