"""Markets made up from a seed: the same bytes everywhere, and enough like a market to be worth trading on."""

import datetime
import hashlib
import itertools

import numpy as np
import numpy.typing as npt
import pytest

from alpha_panda.data.events import EventArray, validate
from alpha_panda.data.synthetic import SYMBOLS, synthetic_bars, synthetic_day, synthetic_symbols
from alpha_panda.errors import DataError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import BAR, CLOCK, TICK
from alpha_panda.sessions import sessions
from alpha_panda.units import E4, MINUTE_NS, SECOND_NS

DATE = datetime.date(2026, 7, 1)
OPEN_NS, CLOSE_NS = sessions("NSE_EQ", DATE, DATE)[0].tolist()


@pytest.fixture(scope="module")
def day() -> tuple[Universe, EventArray]:
    return synthetic_day(DATE, seed=7)


def ticks_of(events: EventArray, index: int) -> EventArray:
    return events[(events["kind"] == TICK) & (events["instrument"] == index)]


def minute_returns(events: EventArray, index: int) -> npt.NDArray[np.float64]:
    own = ticks_of(events, index)
    minutes = np.arange(OPEN_NS + MINUTE_NS, CLOSE_NS, MINUTE_NS)
    prices = own["close_e4"][np.searchsorted(own["time_ns"], minutes, side="right") - 1]
    return np.diff(np.log(prices))


def test_a_seed_gives_the_same_bytes_on_every_machine(day: tuple[Universe, EventArray]):
    # Pinned: a change here changes every recorded session, example and benchmark that rests on a seed.
    assert hashlib.sha256(day[1].tobytes()).hexdigest() == (
        "dc10d4827afff1030b51e316ccbf7db6890e16ef305093f85e51fd5a6084554f"
    )
    _, minutes = synthetic_bars(DATE, DATE, seed=7)
    assert hashlib.sha256(minutes.tobytes()).hexdigest() == (
        "ab3b548434133b6644893322c7a0e68d1d3ebe9325238eaf38eb2166922d2fa3"
    )


def test_the_same_seed_twice_is_the_same_day_and_another_seed_is_not(day: tuple[Universe, EventArray]):
    assert synthetic_day(DATE, seed=7)[1].tobytes() == day[1].tobytes()
    assert synthetic_day(DATE, seed=8)[1].tobytes() != day[1].tobytes()
    assert synthetic_day(DATE + datetime.timedelta(days=1), seed=7)[1].tobytes() != day[1].tobytes()


def test_an_instrument_trades_the_same_whatever_else_is_traded(day: tuple[Universe, EventArray]):
    universe, alone = synthetic_day(DATE, seed=7, symbols=("SIM:PANDA",))
    index = day[0].index_of("SIM:PANDA")
    assert universe[0] == day[0][index]
    assert ticks_of(alone, 0)["close_e4"].tolist() == ticks_of(day[1], index)["close_e4"].tolist()


def test_a_day_is_valid_and_lies_inside_its_session(day: tuple[Universe, EventArray]):
    universe, events = day
    validate(events, universe)
    times = events["time_ns"][events["kind"] == TICK]
    assert OPEN_NS <= times.min() < OPEN_NS + SECOND_NS
    assert CLOSE_NS - SECOND_NS <= times.max() < CLOSE_NS


def test_a_clock_strikes_every_second_until_the_close(day: tuple[Universe, EventArray]):
    clocks = day[1]["time_ns"][day[1]["kind"] == CLOCK]
    assert clocks.tolist() == list(range(OPEN_NS + SECOND_NS, CLOSE_NS + 1, SECOND_NS))


def test_eight_companies_tick_about_once_a_second(day: tuple[Universe, EventArray]):
    universe, events = day
    assert universe.symbols == SYMBOLS
    seconds = (CLOSE_NS - OPEN_NS) // SECOND_NS
    for index in range(len(universe)):
        assert 0.95 < len(ticks_of(events, index)) / seconds < 1.05


def test_no_broker_lists_these_companies(day: tuple[Universe, EventArray]):
    assert all(instrument.instrument_token < 0 for instrument in day[0])
    assert all(instrument.symbol.startswith("SIM:") for instrument in day[0])


def test_prices_lie_on_the_tick_and_inside_the_quote(day: tuple[Universe, EventArray]):
    universe, events = day
    for index, instrument in enumerate(universe):
        own = ticks_of(events, index)
        for field in ("close_e4", "bid_e4", "ask_e4"):
            assert np.all(own[field] % instrument.tick_e4 == 0)
        assert np.all((own["bid_e4"] <= own["close_e4"]) & (own["close_e4"] <= own["ask_e4"]))
        assert np.all(own["bid_e4"] < own["ask_e4"])
        assert np.all(own["volume"] > 0)


def test_the_market_is_busiest_at_the_open_and_at_the_close(day: tuple[Universe, EventArray]):
    market = day[1][day[1]["kind"] == TICK]
    volumes = np.bincount((market["time_ns"] - OPEN_NS) * 5 // (CLOSE_NS - OPEN_NS), weights=market["volume"])
    assert volumes[0] > 2 * volumes[2]
    assert volumes[4] > 2 * volumes[2]


def test_instruments_move_together_but_not_alike(day: tuple[Universe, EventArray]):
    returns = [minute_returns(day[1], index) for index in range(len(SYMBOLS))]
    for one, other in itertools.combinations(returns, 2):
        assert 0.15 < np.corrcoef(one, other)[0, 1] < 0.7


def test_a_day_of_a_company_moves_like_a_share(day: tuple[Universe, EventArray]):
    for index in range(len(SYMBOLS)):
        assert 0.01 < minute_returns(day[1], index).std() * np.sqrt(375) < 0.03  # 375 minutes in a session


def test_a_muhurat_evening_has_an_hour_of_trading():
    _, events = synthetic_day(datetime.date(2024, 11, 1), seed=1)
    assert (events["time_ns"][-1] - events["time_ns"][0]) // MINUTE_NS in (59, 60)


def test_more_ticks_can_be_asked_for():
    _, events = synthetic_day(DATE, seed=7, symbols=("SIM:PANDA",), ticks_a_second=2.0)
    assert 1.9 < len(ticks_of(events, 0)) / 22_500 < 2.1  # a session has 22,500 seconds


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"date": datetime.date(2026, 1, 26), "seed": 7}, "2026-01-26 is no trading day"),
        ({"date": DATE, "seed": -1}, "-1 cannot be a seed"),
        ({"date": DATE, "seed": 7, "ticks_a_second": 0}, "0 ticks a second"),
        ({"date": DATE, "seed": 7, "ticks_a_second": 2.1}, "at most 2.0"),
    ],
)
def test_a_day_that_cannot_be_is_refused(arguments: dict[str, object], complaint: str):
    with pytest.raises(DataError, match=complaint):
        synthetic_day(**arguments)


# ── Bars ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("resolution", "a_day"), [("1m", 375), ("1d", 1)])
def test_bars_fill_every_session(resolution: str, a_day: int):
    universe, events = synthetic_bars(datetime.date(2026, 6, 1), DATE, seed=7, resolution=resolution)
    validate(events, universe)
    table = sessions("NSE_EQ", datetime.date(2026, 6, 1), DATE)
    assert np.sum(events["kind"] == BAR) == len(table) * a_day * len(universe)
    assert np.sum(events["kind"] == CLOCK) == len(table) * a_day
    closes = np.unique(events["time_ns"])
    assert closes[a_day - 1 :: a_day].tolist() == table["close_ns"].tolist()


def test_bars_are_laid_out_by_time_and_instrument_and_lie_on_the_tick():
    universe, events = synthetic_bars(DATE, DATE, seed=7)
    made = events[events["kind"] == BAR]
    assert made["instrument"].tolist() == list(range(8)) * 375
    tick_e4 = np.array([instrument.tick_e4 for instrument in universe])[made["instrument"]]
    for field in ("open_e4", "high_e4", "low_e4", "close_e4"):
        assert np.all(made[field] % tick_e4 == 0)


def test_a_decade_of_daily_bars_stays_a_price():
    symbols = synthetic_symbols(500)
    universe, events = synthetic_bars(datetime.date(2015, 1, 1), DATE, seed=7, symbols=symbols, resolution="1d")
    assert universe.symbols == symbols
    closes = events["close_e4"][events["kind"] == BAR].reshape(-1, 500)
    assert closes.min() > 1 * E4
    daily = np.diff(np.log(closes), axis=0).std()
    assert 0.012 < daily < 0.02  # 1.5 % noise and a gap


def test_a_split_day_has_one_daily_bar_at_its_last_close():
    date = datetime.date(2024, 3, 2)  # two sessions, from the drill at the disaster recovery site
    _, events = synthetic_bars(date, date, seed=7, symbols=("SIM:PANDA",), resolution="1d")
    assert events["time_ns"].tolist() == [sessions("NSE_EQ", date, date)["close_ns"][1]] * 2


@pytest.mark.parametrize("resolution", ["5m", "tick"])
def test_other_resolutions_are_refused(resolution: str):
    with pytest.raises(DataError, match=f"no {resolution} bars can be made"):
        synthetic_bars(DATE, DATE, seed=7, resolution=resolution)


def test_a_span_without_a_session_is_refused():
    with pytest.raises(DataError, match="from 2026-01-26 to 2026-01-26"):
        synthetic_bars(datetime.date(2026, 1, 26), datetime.date(2026, 1, 26), seed=7)
