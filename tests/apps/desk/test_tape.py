"""The tape and the curve of the day: nothing twice, nothing that mattered left out."""

import pytest

from alpha_panda.apps.desk.showing import Shower
from alpha_panda.apps.desk.tape import Tape
from alpha_panda.live.control.commands import command_message
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import PnlSnapshot
from alpha_panda.live.streams import Entry
from alpha_panda.units import DAY_NS, SECOND_NS
from tests.live.trading import blueprint, paper

MADE_OF = blueprint()
NINE_NS = 1_763_696_700 * SECOND_NS


@pytest.fixture
def tape() -> Tape:
    return Tape(Shower(MADE_OF.record(0), paper()))


def entry(message: Envelope) -> Entry:
    return Entry(Record("a topic", 0, 0, b"", b""), message, 1)


def draw(tape: Tape, equities_e4: list[int], begins_ns: int = NINE_NS) -> None:
    """Let the account say what it is worth, once a second."""
    for second, equity_e4 in enumerate(equities_e4):
        time_ns = begins_ns + second * SECOND_NS
        said = PnlSnapshot(time_ns, 0, equity_e4, 0, 0, 0, 0, "running")
        tape.take(entry(MADE_OF.begin(said, source="account", index=second, time_ns=time_ns)))


def test_a_long_curve_keeps_its_first_its_last_its_lowest_and_its_highest_point(tape: Tape):
    equities_e4 = [1_000 + second % 7 for second in range(20_000)]
    equities_e4[3_333], equities_e4[12_345] = 10, 9_000
    draw(tape, equities_e4)
    shown = [point.equity_e4 for point in tape.curve]
    times_ns = [point.time_ns for point in tape.curve]

    assert 200 < len(shown) <= 480
    assert (min(shown), max(shown)) == (10, 9_000)
    assert (times_ns[0], times_ns[-1]) == (NINE_NS, NINE_NS + 19_999 * SECOND_NS)
    assert times_ns == sorted(set(times_ns))


def test_a_curve_is_of_one_day(tape: Tape):
    draw(tape, [1, 2, 3])
    draw(tape, [4, 5], NINE_NS + DAY_NS)
    assert [point.equity_e4 for point in tape.curve] == [4, 5]


def test_a_command_that_came_to_the_log_twice_is_shown_once(tape: Tape):
    kill = command_message("kill", "", "asha", "enough", NINE_NS)
    again = command_message("kill", "", "asha", "enough", NINE_NS + 1)
    assert tape.take(entry(kill)) is not None
    assert tape.take(entry(kill)) is None
    assert tape.take(entry(again)) is not None
    assert [command.time_ns for command in tape.commands] == [NINE_NS + 1, NINE_NS]
    assert len(tape.lines) == 2
