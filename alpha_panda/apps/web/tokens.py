"""Tokens that say who asks: signed, and worth nothing once anything about them differs from what was issued."""

import functools
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Literal

import jwt

from alpha_panda.apps.access import ROLES, Principal
from alpha_panda.units import DAY_NS, MINUTE_NS, SECOND_NS

LIFETIME_NS = 15 * MINUTE_NS
"""How long an access token is good."""

STOP_LIFETIME_NS = DAY_NS
"""How long one is good that stops trading: for all of a trading day, though the database be away."""

REFRESH_LIFETIME_NS = 7 * DAY_NS
"""How long a session outlasts its last refresh."""

Purpose = Literal["access", "stop"]

SECRET_LENGTH_MIN = 32
"""Characters of a secret that tokens are signed with; HS256 asks for as many bytes (RFC 7518, section 3.2)."""

_ALGORITHM, _ISSUER = "HS256", "alpha-panda"
_AUDIENCES: Mapping[Purpose, str] = {"access": "alpha-panda-web", "stop": "alpha-panda-stop"}
_CLAIMS = ["iss", "aud", "sub", "iat", "exp", "sid", "role", "generation"]
_LONGEST = 2_048  # characters: one of ours is about 350
_REMEMBERED = 1_024


class SignedTokens:
    """Issues and reads tokens of one purpose that `secret` signs; `wall_ns` is the clock by which they expire."""

    def __init__(self, secret: bytes, wall_ns: Callable[[], int], purpose: Purpose = "access") -> None:
        # The same secret serves other ends, so none of them is given the key of this one.
        self._key = hmac.digest(secret, f"alpha-panda {purpose} token".encode(), "sha256")
        self._audience = _AUDIENCES[purpose]
        self._key_id = hashlib.sha256(self._key).hexdigest()[:12]
        self._wall_ns = wall_ns
        # Whether a token is one of ours never changes, and whoever has one shows it with every request.
        self._shown = functools.lru_cache(_REMEMBERED)(self._issued)

    def issue(self, principal: Principal) -> str:
        """Return the token of a principal, good until it expires."""
        claims = {
            "iss": _ISSUER,
            "aud": self._audience,
            "sub": principal.name,
            "iat": self._wall_ns() // SECOND_NS,
            "exp": principal.expires_ns // SECOND_NS,
            "sid": principal.session,
            "role": principal.role,
            "generation": principal.generation,
        }
        return jwt.encode(claims, self._key, _ALGORITHM, headers={"kid": self._key_id})

    def read(self, token: str) -> Principal | None:
        """Return who a token says asks; None for one that was not issued here, was changed, or has expired."""
        principal = self._shown(token) if len(token) <= _LONGEST else None
        return principal if principal is not None and principal.expires_ns > self._wall_ns() else None

    def _issued(self, token: str) -> Principal | None:
        """Return whose token it is, or was; None for one that was not issued here."""
        try:
            if jwt.get_unverified_header(token).get("kid") != self._key_id:
                return None
            # The library would look at the clock of the machine; times are compared below, by the injected one.
            options: Any = {"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
            claims = jwt.decode(
                token, self._key, algorithms=[_ALGORITHM], audience=self._audience, issuer=_ISSUER, options=options
            )
        except jwt.InvalidTokenError:
            return None
        return _principal(claims)


def _principal(claims: dict[str, Any]) -> Principal | None:
    name, role, session = claims["sub"], claims["role"], claims["sid"]
    generation, expires_s = claims["generation"], claims["exp"]
    well_formed = (
        isinstance(name, str)
        and isinstance(session, str)
        and isinstance(generation, int)
        and isinstance(expires_s, int)
    )
    return Principal(name, role, generation, session, expires_s * SECOND_NS) if well_formed and role in ROLES else None
