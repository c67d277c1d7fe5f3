"""The hub of the streams: order, places, what is dropped, and coming back."""

import pytest

from alpha_panda.apps.api.hub import KEPT, Dropped, Event, Hub, Viewer
from alpha_panda.apps.api.models import Reset


def told(hub: Hub, *topics: str) -> None:
    """Tell an event on each of these topics, which says its own number."""
    for topic in topics:
        hub.tell(topic, "said", Reset(reason=str(hub.number + 1)))


def taken(viewer: Viewer) -> list[int | Dropped]:
    """Return the numbers of all events that a viewer has before it, and what it missed."""
    items: list[int | Dropped] = []
    while (item := viewer.following()) is not None:
        items.append(item.number if isinstance(item, Event) else item)
    return items


def test_a_viewer_reads_its_topics_in_the_order_in_which_it_all_happened():
    hub = Hub()
    viewer = hub.viewer(["orders", "signals"])
    told(hub, "signals", "orders", "logs", "signals", "orders", "orders")
    assert taken(viewer) == [1, 2, 4, 5, 6]
    assert taken(viewer) == []


def test_a_new_viewer_gets_the_present_state_and_no_event_of_the_past():
    hub = Hub()
    told(hub, "orders", "portfolio", "portfolio", "orders")
    viewer = hub.viewer(["orders", "portfolio"])
    assert taken(viewer) == [3]
    told(hub, "orders")
    assert taken(viewer) == [5]


def test_of_a_state_only_the_latest_is_read_and_nothing_counts_as_dropped():
    hub = Hub()
    viewer = hub.viewer(["portfolio"])
    told(hub, *["portfolio"] * 50)
    assert taken(viewer) == [50]


def test_who_is_too_slow_is_told_how_many_were_dropped_of_each_topic():
    hub = Hub()
    viewer = hub.viewer(["logs", "orders"])
    told(hub, "orders", *["logs"] * (KEPT["logs"] + 7))
    first, *rest = taken(viewer)
    assert first == Dropped("logs", 7)
    assert rest == [1, *range(9, KEPT["logs"] + 9)]


def test_who_comes_back_goes_on_behind_the_last_event_that_they_saw():
    hub = Hub()
    told(hub, "orders", "signals", "orders", "signals", "orders")
    viewer = hub.resumed(["orders", "signals"], 2)
    assert viewer is not None
    assert taken(viewer) == [3, 4, 5]


def test_who_comes_back_gets_the_present_state_anew():
    hub = Hub()
    told(hub, "portfolio", "orders")
    viewer = hub.resumed(["portfolio", "orders"], 2)
    assert viewer is not None
    assert taken(viewer) == [1]


def test_nobody_comes_back_to_events_that_are_gone():
    hub = Hub()
    told(hub, *["logs"] * (KEPT["logs"] + 3))
    assert hub.resumed(["logs"], 2) is None
    assert hub.resumed(["logs"], 3) is not None
    assert hub.resumed(["orders"], 2) is not None


def test_nobody_comes_back_to_an_event_that_there_never_was():
    assert Hub().resumed(["orders"], 1) is None


def test_however_many_look_an_event_is_written_once():
    hub = Hub()
    viewers = [hub.viewer(["orders"]) for _ in range(3)]
    told(hub, "orders")
    texts = [viewer.following() for viewer in viewers]
    assert all(isinstance(each, Event) for each in texts)
    assert len({id(each.text) for each in texts if isinstance(each, Event)}) == 1


@pytest.mark.parametrize("topic", sorted(KEPT))
def test_a_topic_keeps_no_more_than_it_may(topic: str):
    hub = Hub()
    viewer = hub.viewer([topic])
    told(hub, *[topic] * (KEPT[topic] + 100))
    assert sum(isinstance(each, int) for each in taken(viewer)) == KEPT[topic]
