"""What may be written down for people: no secret, and no character that a terminal or a log would obey."""

import functools
import math
import re
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec
import numpy as np

REDACTED = "[redacted]"

_SHORTEST_SECRET = 6  # characters: what is shorter also stands in numbers and words, and would blacken those
_LONGEST_TEXT = 8_000  # characters: a message that is no message may be as long as a record
_DEEPEST = 8

_WORDS = r"secret|passw(?:or)?d|passphrase|credentials?|authori[sz]ation|cookie|enctoken|totp|api_?key|private_?key"
_SECRET_NAME = re.compile(rf"(?:^|[_\W])(?:{_WORDS}|token|key|pin)(?:$|[_\W\d])", re.IGNORECASE)
_PLAIN_NAMES = frozenset({"instrument_token", "instrument_tokens", "key"})  # of a record, and of an instrument

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
    """Return what looks like a secret in environment variables: by the name, or as the password of an address."""
    found: set[str] = set()
    for name, value in environment.items():
        if _SECRET_NAME.search(name):
            found |= {value, *value.splitlines()}
        elif "://" in value:
            found |= {url.password for url in map(_parsed, value.split(",")) if url is not None and url.password}
    return frozenset(each for each in found if len(each) >= _SHORTEST_SECRET)


def _parsed(text: str) -> urllib.parse.SplitResult | None:
    try:
        return urllib.parse.urlsplit(text)
    except ValueError:
        return None


class Redaction:
    """Makes a value fit to be written down, knowing the secrets that must not be."""

    def __init__(self, secrets: Iterable[str]) -> None:
        written = {form for secret in secrets for form in (secret, urllib.parse.quote(secret, safe=""))}
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


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape", errors="backslashreplace").decode()
