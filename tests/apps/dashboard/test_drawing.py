"""What cannot be drawn says so, with of when what it shows is, and why."""

from alpha_panda.apps.dashboard.cards import Card
from alpha_panda.apps.dashboard.drawing import Drawing, attempting
from alpha_panda.errors import LogError
from alpha_panda.units import SECOND_NS
from tests.apps.dashboard.example import NOW_NS


async def test_what_a_person_asked_for_says_why_it_is_not_there_and_heals():
    card, reasons = Card("Fills of a position"), [LogError("the event log cannot be read"), RuntimeError("canary")]

    async def look() -> None:
        if reasons:
            raise reasons[0]

    opened = attempting(card, look, lambda: NOW_NS)
    await opened()
    assert card.heading.failed == "Not drawn, because the event log cannot be read."
    reasons.pop(0)
    await opened()
    assert card.heading.failed == "Not drawn, by a defect of Alpha Panda."
    assert card.styles["--stale"] == "var(--old)"
    reasons.clear()
    await opened()
    assert (card.heading.failed, card.styles) == ("", {})


def test_what_stands_there_is_of_when_it_was_last_drawn():
    card = Card("Limits", styles={"flex": "none"})
    drawing = Drawing(card)
    with drawing.of(NOW_NS):
        pass
    with drawing.of(NOW_NS + SECOND_NS):
        raise OSError("the disk is gone")
    assert card.heading.failed == "As of 14:15:00, not drawn since, because the disk is gone."
    assert card.styles == {"flex": "none", "--stale": "var(--old)"}
