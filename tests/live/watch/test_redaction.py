"""No secret is written down, however it is dressed, and nothing that a terminal or a log would obey."""

import json
import urllib.parse

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
        *("PGPASSWORD", "SMTP_PASS", "MYSQL_PWD", "ALPHA_PANDA_SECRET"),
    ],
)
def test_a_variable_with_such_a_name_holds_a_secret(name: str):
    assert secrets_in({name: CANARY}) == {CANARY}


@pytest.mark.parametrize("name", ["MONKEY", "KEYBOARD_LAYOUT", "TOKENIZER", "PATH", "SPINNER", "PASSES"])
def test_a_variable_whose_name_only_contains_such_a_word_does_not(name: str):
    assert secrets_in({name: CANARY}) == set()


def test_the_password_of_an_address_is_a_secret():
    assert secrets_in({"ALPHA_PANDA_REDIS_URL": "redis://panda:hunter22@redis:6379/0"}) == {"hunter22"}


@pytest.mark.parametrize(
    ("address", "password"),
    [
        ("postgresql://panda:hunter%4022@db/panda?sslmode=verify-full", "hunter@22"),
        ("postgresql://panda:hunter@22@db/panda", "hunter@22"),
        ("postgresql://panda:hunter/22@db/panda?application_name=a@b", "hunter/22"),
        ("postgresql://db/panda?user=panda&password=hunter%2F22", "hunter/22"),
        ("redis://:hunter22@one:6379,redis://:hunter23@two:6379", "hunter23"),
        ("redis://one:6379/0?password=hunter22", "hunter22"),
    ],
)
def test_the_password_of_an_address_is_a_secret_however_it_is_written(address: str, password: str):
    secrets = secrets_in({"ALPHA_PANDA_DATABASE_URL": address})
    assert password in secrets
    assert Redaction(secrets).text(f"refused: panda with {password}") == f"refused: panda with {REDACTED}"


@pytest.mark.parametrize(
    ("target", "secrets"),
    [
        ("tgram://123456789:AAF-abcdef_x/12315544/", ["123456789", "AAF-abcdef_x", "12315544"]),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#trades", ["A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ"]),
        ("json://hooks.firm.in/services/T00/B7f3a9c1e?+X-Token=canary%2B4b7d", ["B7f3a9c1e", "canary+4b7d"]),
        ("mailto://asha:hunter@firm.in?to=ops@firm.in", ["hunter"]),
        ("ntfy://pandaalerts", ["pandaalerts"]),
    ],
)
def test_all_of_a_target_of_alerts_is_a_secret_but_words_and_machines(target: str, secrets: list[str]):
    found = secrets_in({"ALPHA_PANDA_ALERTS": f"{target} json://localhost/notify"})
    assert {target, *secrets} <= found
    assert not found & {"services", "notify", "localhost", "hooks.firm.in", "trades", "mailto"}
    assert not any(secret in Redaction(found).text(f"no answer from {target}") for secret in secrets)


@pytest.mark.parametrize("secret", ['qu"ote\\d', "new\nline", "a b+c/d"])
def test_a_secret_is_known_in_json_in_an_address_and_in_a_text_of_python(secret: str):
    written = (json.dumps(secret), repr(secret), urllib.parse.quote_plus(secret), urllib.parse.quote(secret, safe=""))
    for text in written:
        assert Redaction([secret]).text(text).strip("'\"") == REDACTED


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
