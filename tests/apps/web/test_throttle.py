"""Throttling: a thousand guesses get nowhere, and whoever knows the password gets in all the same."""

import pytest

from alpha_panda.apps.web.throttle import FREE_FAILURES, NAME_WAIT_S_MAX, WAIT_S_MAX, Throttle
from tests.apps.web.house import Clock

HERE, ELSEWHERE = "198.51.100.1", "203.0.113.9"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock.monotonic)


def guess(throttle: Throttle, times: int, name: str = "asha", address: str = ELSEWHERE) -> int:
    """Return how many of so many guesses were looked at."""
    return sum(throttle.admit(name, address) == 0.0 for _ in range(times))


def test_a_thousand_guesses_at_once_are_throttled_after_five(throttle: Throttle):
    assert guess(throttle, 1_000) == FREE_FAILURES == 5


def test_a_thousand_guesses_one_a_second_come_to_a_dozen(throttle: Throttle, clock: Clock):
    looked_at = 0
    for _ in range(1_000):
        looked_at += guess(throttle, 1)
        clock.move(1.0)
    # Waits of 1, 2, 4 … 256 seconds, then 300: five free ones and ten more reach 1,111 seconds.
    assert looked_at <= 15


def test_the_wait_doubles_and_ends_at_five_minutes(throttle: Throttle, clock: Clock):
    waits: list[float] = []
    guess(throttle, FREE_FAILURES - 1)
    for _ in range(12):
        assert throttle.admit("asha", ELSEWHERE) == 0.0
        waits.append(throttle.admit("asha", ELSEWHERE))
        clock.move(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert WAIT_S_MAX == 300


def test_what_is_refused_makes_the_wait_no_longer(throttle: Throttle, clock: Clock):
    guess(throttle, FREE_FAILURES)
    before = throttle.admit("asha", ELSEWHERE)
    guess(throttle, 10_000)
    assert throttle.admit("asha", ELSEWHERE) == before


def test_one_address_that_tries_many_names_is_throttled_too(throttle: Throttle):
    assert sum(throttle.admit(f"name{number}", ELSEWHERE) == 0.0 for number in range(1_000)) <= 20


def test_one_name_guessed_from_everywhere_is_throttled_too(throttle: Throttle):
    looked_at = sum(throttle.admit("asha", f"198.51.{number // 250}.{number % 250}") == 0.0 for number in range(1_000))
    assert looked_at <= 2 * FREE_FAILURES


def test_an_owner_elsewhere_waits_half_a_minute_at_most(throttle: Throttle, clock: Clock):
    for number in range(1_000):
        guess(throttle, 1, address=f"203.0.113.{number % 250}")
        clock.move(1.0)
    clock.move(NAME_WAIT_S_MAX)
    assert throttle.admit("asha", HERE) == 0.0
    assert NAME_WAIT_S_MAX == 30


def test_an_owner_where_they_signed_in_before_waits_for_nobody(throttle: Throttle, clock: Clock):
    assert throttle.admit("asha", HERE) == 0.0
    throttle.succeeded("asha", HERE)
    for number in range(1_000):
        guess(throttle, 1, address=f"203.0.113.{number % 250}")
    assert throttle.admit("asha", HERE) == 0.0


def test_who_has_signed_in_begins_anew(throttle: Throttle):
    for _ in range(100):
        guess(throttle, FREE_FAILURES - 1, address=HERE)
        assert throttle.admit("asha", HERE) == 0.0
        throttle.succeeded("asha", HERE)
        if throttle.admit("asha", HERE) == 0.0:
            throttle.succeeded("asha", HERE)
            break
    else:
        pytest.fail("a right password never helped")


def test_an_own_account_does_not_buy_guesses_at_another(throttle: Throttle, clock: Clock):
    looked_at = 0
    for _ in range(1_000):
        looked_at += guess(throttle, 1)
        if throttle.admit("mallory", ELSEWHERE) == 0.0:
            throttle.succeeded("mallory", ELSEWHERE)
    assert looked_at <= FREE_FAILURES


def test_networks_of_ipv6_count_as_one_address(throttle: Throttle):
    assert sum(throttle.admit(f"n{number}", f"2001:db8::{number:x}") == 0.0 for number in range(1_000)) <= 20
    assert throttle.admit("asha", "2001:db8:0:1::1") == 0.0


def test_failures_are_forgotten_after_an_hour(throttle: Throttle, clock: Clock):
    guess(throttle, 1_000)
    clock.move(3_601)
    assert guess(throttle, 1_000) == FREE_FAILURES


def test_memory_is_bounded_however_many_names_are_tried(clock: Clock):
    throttle = Throttle(clock.monotonic, kept_max=100)
    for number in range(10_000):
        throttle.admit(f"name{number}", f"198.51.{number // 250}.{number % 250}")
    assert len(throttle) <= 103
