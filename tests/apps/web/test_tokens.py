"""Access tokens: whoever holds one is who it says, and one that differs in anything is worth nothing."""

import base64
import json
from typing import Any

import jwt
import pytest

from alpha_panda.apps.access import Principal
from alpha_panda.apps.web.tokens import LIFETIME_NS, SignedTokens
from alpha_panda.units import SECOND_NS
from tests.apps.web.house import SECRET, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> SignedTokens:
    return SignedTokens(SECRET, clock.wall_ns)


def somebody(clock: Clock) -> Principal:
    return Principal("omar", "operator", 3, "a session", clock.wall_ns() + LIFETIME_NS)


def test_a_token_says_who_holds_it(tokens: SignedTokens, clock: Clock):
    assert tokens.read(tokens.issue(somebody(clock))) == somebody(clock)


def test_another_process_with_the_same_secret_reads_it(tokens: SignedTokens, clock: Clock):
    assert SignedTokens(SECRET, clock.wall_ns).read(tokens.issue(somebody(clock))) == somebody(clock)


def test_a_token_lasts_fifteen_minutes(tokens: SignedTokens, clock: Clock):
    token = tokens.issue(somebody(clock))
    clock.move(15 * 60 - 0.001)
    assert tokens.read(token) is not None
    clock.move(0.001)
    assert tokens.read(token) is None


def test_a_token_signed_with_another_secret_is_worth_nothing(tokens: SignedTokens, clock: Clock):
    other = SignedTokens(b"another secret, which is as long as the first one", clock.wall_ns)
    assert tokens.read(other.issue(somebody(clock))) is None


def test_the_secret_itself_signs_nothing(tokens: SignedTokens, clock: Clock):
    header, claims = opened(tokens.issue(somebody(clock)))
    assert tokens.read(jwt.encode(claims, SECRET, "HS256", headers=header)) is None


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS384", "HS512", "RS256"])
def test_another_algorithm_is_not_heard(tokens: SignedTokens, clock: Clock, algorithm: str):
    header, claims = opened(tokens.issue(somebody(clock)))
    head, body = sealed({**header, "alg": algorithm}), sealed(claims)
    signature = tokens.issue(somebody(clock)).rpartition(".")[2]
    for forged in (f"{head}.{body}.", f"{head}.{body}.{signature}"):
        assert tokens.read(forged) is None


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_right_signature_of_another_algorithm_is_not_heard(tokens: SignedTokens, clock: Clock, algorithm: str):
    header, claims = opened(tokens.issue(somebody(clock)))
    assert tokens.read(jwt.encode(claims, tokens._key * 2, algorithm, headers={"kid": header["kid"]})) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody-else"},
        {"aud": "another-program"},
        {"aud": ["another-program", "a-third"]},
        {"role": "root"},
        {"sub": 7},
        {"generation": "0"},
        {"exp": "tomorrow"},
        {"exp": None},
        {"sid": None},
        {"role": None},
        {"generation": None},
        {"iss": None},
    ],
    ids=str,
)
def test_rightly_signed_claims_that_are_not_ours_are_worth_nothing(
    tokens: SignedTokens, clock: Clock, changed: dict[str, Any]
):
    header, claims = opened(tokens.issue(somebody(clock)))
    claims = {name: value for name, value in {**claims, **changed}.items() if value is not None}
    assert tokens.read(signed(tokens, claims, header)) is None


def test_another_key_id_is_worth_nothing(tokens: SignedTokens, clock: Clock):
    header, claims = opened(tokens.issue(somebody(clock)))
    assert tokens.read(signed(tokens, claims, {**header, "kid": "yesterday"})) is None
    without = jwt.encode(claims, tokens._key, "HS256")
    assert tokens.read(without) is None
    assert tokens.read(signed(tokens, claims, header)) is not None  # so that it was the key id


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "é" * 20, "x" * 100_000, "e30.e30.", "null.null.null"])
def test_what_is_no_token_is_worth_nothing(tokens: SignedTokens, token: str):
    assert tokens.read(token) is None


def test_every_changed_character_of_a_token_makes_it_worthless(tokens: SignedTokens, clock: Clock):
    token = tokens.issue(somebody(clock))
    for place, was in enumerate(token[:-1]):  # the last one also holds bits that mean nothing
        changed = f"{token[:place]}{'A' if was != 'A' else 'B'}{token[place + 1 :]}"
        assert tokens.read(changed) is None, place


def test_no_one_who_sees_a_token_sees_the_secret(tokens: SignedTokens, clock: Clock):
    header, claims = opened(tokens.issue(somebody(clock)))
    assert set(claims) == {"iss", "aud", "sub", "iat", "exp", "sid", "role", "generation"}
    assert claims["exp"] - claims["iat"] == LIFETIME_NS // SECOND_NS
    assert SECRET.decode() not in json.dumps([header, claims])


def opened(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, body, _ = token.split(".")
    return json.loads(base64.urlsafe_b64decode(head + "==")), json.loads(base64.urlsafe_b64decode(body + "=="))


def sealed(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def signed(tokens: SignedTokens, claims: dict[str, Any], header: dict[str, Any]) -> str:
    """Sign as the tokens themselves do, without what PyJWT refuses to write."""
    text = f"{sealed({**header, 'alg': 'HS256'})}.{sealed(claims)}"
    algorithm = jwt.get_algorithm_by_name("HS256")
    signature = algorithm.sign(text.encode(), algorithm.prepare_key(tokens._key))
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
