"""No secret is written down, however it is dressed, and nothing that a terminal or a log would obey."""

import json

import numpy as np
import pytest

from alpha_panda.live.watch.redaction import REDACTED, Redaction, secrets_in
from tests.live import samples

CANARY = "c4n4ry/S3cret+value"


@pytest.fixture
def redaction() -> Redaction:
    return Redaction([CANARY])


@pytest.mark.parametrize(
    "name",
    [
        *("KITE_API_SECRET", "KITE_API_KEY", "ALPHA_PANDA_KITE_ACCESS_TOKEN", "ALPHA_PANDA_KAFKA_PASSWORD"),
        *("REDIS_PASSWD", "kite_totp_key", "ZERODHA_ENCTOKEN", "SMTP_CREDENTIALS"),
    ],
)
def test_a_variable_with_such_a_name_holds_a_secret(name: str):
    assert secrets_in({name: CANARY}) == {CANARY}


@pytest.mark.parametrize("name", ["MONKEY", "KEYBOARD_LAYOUT", "TOKENIZER", "PATH", "SPINNER"])
def test_a_variable_whose_name_only_contains_such_a_word_does_not(name: str):
    assert secrets_in({name: CANARY}) == set()


def test_the_password_of_an_address_is_a_secret():
    assert secrets_in({"ALPHA_PANDA_REDIS_URL": "redis://panda:hunter22@redis:6379/0"}) == {"hunter22"}


def test_what_is_no_secret_for_its_shortness_does_not_blacken_everything():
    assert secrets_in({"ALPHA_PANDA_PIN": "1234", "API_KEY": ""}) == set()


def test_every_line_of_a_secret_of_several_is_one():
    assert "MIIEvQIBADAN" in secrets_in({"BROKER_PRIVATE_KEY": "-----BEGIN-----\nMIIEvQIBADAN\n-----END-----"})


@pytest.mark.parametrize(
    "value",
    [
        f"got {CANARY} back",
        f"https://kite.example/?t={CANARY}",
        "https://kite.example/?t=c4n4ry%2FS3cret%2Bvalue",
        {"nested": [{"deep": (CANARY,)}]},
        {CANARY: 1},
        CANARY.encode(),
        RuntimeError(f"refused {CANARY}"),
        {"api_secret": "another one"},
        {"headers": {"Authorization": "another one"}},
        "redis://panda:another_one@redis",
        "redis://:another@one@redis",
        "https://kite.example/?api_key=another&access_token=another",
        'headers {"Authorization": "token another:another"}',
        "password = another",
        "x" * 7_990 + CANARY,
    ],
)
def test_a_secret_is_blackened_wherever_it_stands(redaction: Redaction, value: object):
    text = json.dumps(redaction.value(value))
    assert "c4n4ry" not in text
    assert "another_one@" not in text
    assert not any(word in text for word in ("=another", ":another", "= another", '"another one"'))
    assert "redacted" in text or len(text) > 7_000


def test_what_is_no_secret_stays_as_it_is(redaction: Redaction):
    plain = {
        "instrument_token": 738561,
        "key": "momentum:738561",
        "note": "the key figures",
        "missing": None,
        "ok": True,
    }
    assert redaction.value(plain) == plain
    assert redaction.value({"access_token": ""}) == {"access_token": ""}, "that it is empty is worth knowing"


def test_no_character_is_obeyed(redaction: Redaction):
    text = redaction.text("red\x1b[31m\nnext\r\x00\x7f\x9b\u2028\u202e\ud800 ₹ 5")
    assert text == r"red\x1b[31m\nnext\r\x00\x7f\x9b\u2028\u202e\ud800 ₹ 5"


def test_a_text_without_end_is_cut(redaction: Redaction):
    text = redaction.text("x" * 1_000_000)
    assert len(text) < 9_000
    assert text.endswith("… 1000000 characters")


def test_a_table_without_end_is_cut(redaction: Redaction):
    table: dict[str, object] = {}
    table["itself"] = table
    assert len(json.dumps(redaction.value(table))) < 9_000


def test_messages_and_their_numbers_can_be_written_as_json(redaction: Redaction):
    value = redaction.value({"data": samples.DECISION, "count": np.int64(7), "figure": float("nan")})
    assert json.loads(json.dumps(value))["data"]["price_e4"] == samples.DECISION.price_e4
    assert (value["count"], value["figure"]) == (7, "nan")


def test_without_secrets_the_rest_is_done_all_the_same():
    assert Redaction([]).text("password=another\n") == f"password={REDACTED}\\n"
