"""Profiles and studies: what they hold, and that whatever cannot be is refused in one sentence with file and key."""

import pathlib
import re

import pydantic
import pytest

from alpha_panda.config import Profile, Study, load_profile, load_study, validated, with_instruments
from alpha_panda.errors import ConfigurationError
from alpha_panda.units import HOUR_NS, MINUTE_NS, SECOND_NS, parse_clock, to_e4

LEAST = """
[account]
capital = 1_000_000

[[strategies]]
name = "one"
strategy = "momentum"
capital = 500_000
"""
"""The least that a profile must say."""


@pytest.fixture
def load(tmp_path: pathlib.Path):
    """Return a function that loads a profile from its text."""

    def from_text(text: str) -> Profile:
        path = tmp_path / "profile.toml"
        path.write_text(text)
        return load_profile(path)

    return from_text


# ── What a profile says ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_profile_leaves_out_has_the_strict_defaults(load):
    profile = load(LEAST)
    (terms,), risk = profile.strategies, profile.risk
    assert (profile.account.broker, profile.account.capital_e4) == ("paper", to_e4(1_000_000))
    assert (terms.interval_ns, terms.product, terms.entry.order_type) == (MINUTE_NS, "MIS", "MARKET")
    assert terms.guards.square_off_ns == parse_clock("15:10")
    # facts/reliability.md, section B: collar, value, rates, concentration, gross, positions, day loss, window.
    assert (risk.collar, risk.price_age_ns_max, risk.order_value_e4_max) == (0.02, 3 * SECOND_NS, to_e4(200_000))
    assert (risk.order_equity_fraction_max, risk.instrument_fraction_max, risk.gross_fraction_max) == (0.1, 0.2, 1.0)
    assert (risk.orders_per_second, risk.orders_per_second_strategy) == (5, 3)
    assert (risk.orders_per_minute, risk.orders_per_day, risk.open_orders_max, risk.positions_max) == (
        200,
        1_000,
        40,
        10,
    )
    assert (risk.day_loss_reduce, risk.day_loss_halt, risk.rejects_max) == (0.02, 0.03, 3)
    assert (risk.duplicate_ns, risk.self_cross) == (2 * SECOND_NS, True)
    assert (risk.entry_open_ns, risk.entry_close_ns) == (parse_clock("09:16"), parse_clock("15:10"))


def test_amounts_times_and_intervals_are_parsed_once(load):
    profile = load(
        LEAST
        + """
interval = "15m"
guards = { holding_seconds = 1800, square_off = "15:20" }
[market]
latency_seconds = 0.05
equity_every = "1h"
[risk]
order_value = 12_345.67
entry_open = "09:30"
"""
    )
    (terms,) = profile.strategies
    assert (terms.interval_ns, terms.guards.holding_ns_max) == (15 * MINUTE_NS, 1_800 * SECOND_NS)
    assert terms.guards.square_off_ns == parse_clock("15:20")
    assert (profile.market.latency_ns, profile.market.equity_every_ns) == (50_000_000, HOUR_NS)
    assert profile.risk.order_value_e4_max == 123_456_700
    assert profile.risk.entry_open_ns == parse_clock("09:30")


def test_the_default_profile_of_the_project_loads():
    profile = load_profile(pathlib.Path(__file__).parents[1] / "live" / "paper.toml")
    assert [terms.name for terms in profile.strategies] == ["momentum", "mean_reversion"]


def test_a_profile_cannot_be_changed_once_it_is_read(load):
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        load(LEAST).risk.collar = 1.0


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = {
    # Keys that are not known, and what was perhaps meant.
    "a misspelt table": (
        LEAST + "[riks]\n",
        r"unknown key riks \(did you mean 'risk'\?\); known here: account, strategies",
    ),
    "a misspelt limit": (LEAST + "[risk]\ncolar = 0.1\n", r"unknown key risk.colar \(did you mean 'collar'\?\)"),
    "a misspelt guard": (
        LEAST + "guards = { stop_los = 0.1 }\n",
        r"unknown key strategies.0.guards.stop_los \(did you mean 'stop_loss'\?\)",
    ),
    "a misspelt key of the account": (
        LEAST.replace("[account]\n", "[account]\nbrokr = 'paper'\n"),
        r"unknown key account.brokr \(did you mean 'broker'\?\); known here: broker, capital",
    ),
    "a key nothing is like": (LEAST + "[market]\nzzz = 1\n", "unknown key market.zzz; known here: latency_seconds"),
    # What is missing.
    "no account": ("[[strategies]]\nname = 'a'\nstrategy = 'b'\ncapital = 1\n", "account is missing"),
    "no capital": (LEAST.replace("capital = 500_000", ""), "strategies.0.capital is missing"),
    "no strategies": ("strategies = []\n[account]\ncapital = 1\n", "strategies: .* at least 1 item"),
    # Values of another type.
    "text for a number": (LEAST + "[risk]\ncollar = 'wide'\n", "risk.collar: .* valid number.* got 'wide'"),
    "a fraction for a count": (LEAST + "[risk]\norders_per_day = 1.5\n", "risk.orders_per_day: .* integer.* got 1.5"),
    "a number for a switch": (LEAST + "[risk]\nself_cross = 1\n", "risk.self_cross: .* boolean, got 1"),
    "a switch for an amount": (LEAST + "[risk]\norder_value = true\n", "risk.order_value: .* got True"),
    "a switch for seconds": (LEAST + "[market]\nlatency_seconds = true\n", "market.latency_seconds: .* got True"),
    "text for an amount": (
        LEAST + "[risk]\norder_value = 'much'\n",
        "risk.order_value: 'much' is not an amount in rupees",
    ),
    "a switch for a parameter": (LEAST + "parameters = { x = true }\n", "strategies.0.parameters.x.* got True"),
    "one name for several": (LEAST + "instruments = 'NSE:INFY'\n", "strategies.0.instruments: .* got 'NSE:INFY'"),
    # Values that cannot be.
    "a negative capital": (LEAST.replace("500_000", "-1"), "strategies.0.capital: .* greater than 0"),
    "no capital at all": (LEAST.replace("500_000", "0"), "strategies.0.capital: .* greater than 0"),
    "a capital that is no number": (
        LEAST.replace("500_000", "nan"),
        "strategies.0.capital: nan is not a finite amount",
    ),
    "a negative limit": (LEAST + "[risk]\ncollar = -0.1\n", "risk.collar: .* greater than or equal to 0, got -0.1"),
    "a fraction above one": (LEAST + "[risk]\nday_loss_halt = 1.1\n", "risk.day_loss_halt: .* less than or equal to 1"),
    "a fraction that is no number": (LEAST + "[risk]\nday_loss_halt = nan\n", "risk.day_loss_halt: .* got nan"),
    "more than the ring of rates holds": (
        LEAST + "[risk]\norders_per_second_strategy = 9\n",
        "risk.orders_per_second_strategy: .* less than or equal to 8, got 9",
    ),
    "seconds before now": (
        LEAST + "[market]\nlatency_seconds = -1\n",
        "market.latency_seconds: seconds are a number, at least 0",
    ),
    "an hour that no clock has": (
        LEAST + "guards = { square_off = '25:00' }\n",
        "square_off: '25:00' is not a time of day",
    ),
    "an interval that is none": (LEAST + "interval = '7x'\n", "strategies.0.interval: '7x' is not a bar interval"),
    "an unknown product": (LEAST + "product = 'mis'\n", "strategies.0.product: .*'MIS', 'CNC' or 'NRML', got 'mis'"),
    "an unknown order type": (LEAST + "entry = { order_type = 'STOP' }\n", "entry.order_type: .* got 'STOP'"),
    "a size beyond the capital": (
        LEAST + "size = { mode = 'fraction', value = 1.5 }\n",
        "strategies.0.size: a size fraction above 1",
    ),
    "a size of nothing": (LEAST + "size = { value = 0 }\n", "strategies.0.size.value: .* greater than 0, got 0"),
    "an infinite size": (
        LEAST + "size = { mode = 'units', value = inf }\n",
        "strategies.0.size.value: .* finite number",
    ),
    "a name with a space": (LEAST.replace('"one"', '"one two"'), "strategies.0.name: .* got 'one two'"),
    "a time of day as a number": (
        LEAST + "guards = { square_off = 1510 }\n",
        "square_off: a time of day is text such as '15:10'",
    ),
    "a time of day of TOML": (LEAST + "guards = { square_off = 15:10:00 }\n", "square_off: a time of day is text"),
    "an interval as a number": (
        LEAST + "interval = 60\n",
        "strategies.0.interval: a bar interval is text such as '1m', got 60",
    ),
    "endless seconds": (
        LEAST + "[market]\nlatency_seconds = inf\n",
        "market.latency_seconds: seconds are a number, .* got inf",
    ),
    "seconds that are no number": (
        LEAST + "[market]\nlatency_seconds = nan\n",
        "market.latency_seconds: seconds are .* got nan",
    ),
    "a count beyond reason": (
        LEAST + "[risk]\norders_per_day = 1_000_000_000_000\n",
        "risk.orders_per_day: .* less than or equal",
    ),
    "a capital beyond 64 bits": (LEAST.replace("1_000_000", "1e18"), "account.capital: .* do not fit 64 bits"),
    # What does not fit together.
    "intraday days": (
        LEAST + "interval = '1d'\n",
        "strategy one trades daily bars as MIS, which may not stay overnight",
    ),
    "more capital than there is": (LEAST.replace("500_000", "1_000_001"), "more capital than the account has"),
    "a symbol twice": (
        LEAST + "instruments = ['NSE:INFY', 'NSE:TCS', 'NSE:INFY']\n",
        "strategy one names NSE:INFY twice among its instruments",
    ),
    "two of one name": (LEAST + LEAST[LEAST.index("[[") :], "two strategies have the same name"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence_with_its_key(name: str, load, tmp_path: pathlib.Path):
    text, sentence = REFUSED[name]
    with pytest.raises(ConfigurationError) as refused:
        load(text)
    message = str(refused.value)
    assert re.search(sentence, message), message
    assert message.startswith(f"{tmp_path / 'profile.toml'}: ")
    assert "\n" not in message
    assert "ssertion" not in message


def test_an_instrument_is_given_to_a_run_once(load):
    with pytest.raises(ConfigurationError, match="NSE:TCS is named twice: name each instrument once"):
        with_instruments(load(LEAST), ["NSE:INFY", "NSE:TCS", "NSE:TCS"])
    assert with_instruments(load(LEAST), ["NSE:INFY"]).strategies[0].instruments == ("NSE:INFY",)


def test_daily_bars_may_be_traded_by_what_stays_overnight(load):
    assert load(LEAST + "interval = '1d'\nproduct = 'CNC'\n").strategies[0].interval_ns == 24 * HOUR_NS


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("x = = 3", "is not valid TOML: .*line 1"), ("[account]\ncapital = 1\n[account]\n", "is not valid TOML")],
)
def test_text_that_is_not_toml_is_refused(text: str, sentence: str, load):
    with pytest.raises(ConfigurationError, match=f"profile.toml {sentence}"):
        load(text)


def test_a_file_that_is_not_there_is_refused(tmp_path: pathlib.Path):
    with pytest.raises(ConfigurationError, match=r"there is no file .*nowhere.toml"):
        load_profile(tmp_path / "nowhere.toml")


def test_a_file_that_is_not_text_is_refused(tmp_path: pathlib.Path):
    path = tmp_path / "profile.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"profile.toml cannot be read"):
        load_profile(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_profile(tmp_path)


def test_settings_that_come_from_elsewhere_say_where():
    with pytest.raises(ConfigurationError, match=r"^the command line: account is missing$"):
        validated(Profile, {"strategies": [{"name": "a", "strategy": "b", "capital": 1}]}, "the command line")


# ── Studies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def study(folder: pathlib.Path, text: str) -> Study:
    """Return a study written beside a profile."""
    (folder / "profile.toml").write_text(LEAST)
    path = folder / "study.toml"
    path.write_text(text)
    return load_study(path)


def test_a_profile_is_a_study_of_everything(tmp_path: pathlib.Path):
    loaded = study(tmp_path, LEAST)
    assert (loaded.study.data, loaded.study.first, loaded.study.last, loaded.sweep) == ("data", None, None, None)


def test_a_study_names_its_profile_beside_itself_and_may_replace_its_tables(tmp_path: pathlib.Path):
    text = """
profile = "profile.toml"
[study]
from = "2024-04-22"
to = "2024-05-22"
resolution = "1m"
[sweep]
strategy = "one"
parameters = { lookback = [5, 10], threshold = [0.1] }
[risk]
positions = 3
"""
    loaded = study(tmp_path, text)
    assert (loaded.study.first, loaded.study.last, loaded.study.resolution) == ("2024-04-22", "2024-05-22", "1m")
    assert loaded.sweep is not None
    assert loaded.sweep.parameters == {"lookback": (5, 10), "threshold": (0.1,)}
    assert (loaded.profile.risk.positions_max, loaded.profile.strategies[0].name) == (3, "one")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("profile = 3\n", "study.toml: profile must be the path of a profile"),
        ("profile = 'elsewhere.toml'\n", "there is no file .*elsewhere.toml"),
        (
            "profile = 'profile.toml'\n[study]\nform = '2024-01-01'\n",
            r"\[study\]: unknown key form \(did you mean 'from'\?\)",
        ),
        ("profile = 'profile.toml'\n[study]\nresolution = '5m'\n", r"\[study\]: resolution: .* got '5m'"),
        ("profile = 'profile.toml'\n[sweep]\nstrategy = 'one'\n", r"\[sweep\]: parameters is missing"),
        ("profile = 'profile.toml'\n[sweep]\nparameters = { a = 3 }\n", r"\[sweep\]: parameters.a: .* got 3"),
    ],
)
def test_a_study_that_cannot_be_is_refused_with_its_table(text: str, sentence: str, tmp_path: pathlib.Path):
    with pytest.raises(ConfigurationError, match=sentence):
        study(tmp_path, text)
