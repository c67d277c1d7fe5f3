"""The structured logs of a session read as one stream: in order, bounded, and whatever lies among the files."""

import base64
import itertools
import json
import os
import pathlib
import random

import msgspec
import pytest

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.watch import logfiles, loglines
from alpha_panda.live.watch.logfiles import LogFile
from alpha_panda.live.watch.loglines import Line, Span
from alpha_panda.live.watch.logreading import Query, export, search, tail
from alpha_panda.live.watch.logs import CHANNELS
from alpha_panda.units import SECOND_NS
from tests.live.watching import NOW_NS, Clocks


def line(number: int, channel: str = "trading", level: str = "info", event: str = "", **fields: object) -> bytes:
    """Return a line as the logs write it, of the second with this number."""
    head = {"time_ns": at(number), "level": level, "channel": channel, "event": event or f"event {number}"}
    return json.dumps({"time": "…", **head, **fields}, ensure_ascii=False).encode() + b"\n"


def at(number: int) -> int:
    return NOW_NS + number * SECOND_NS


def put(state: pathlib.Path, channel: str, *lines: bytes, folder: str = "logs", finished_ns: int = 0) -> pathlib.Path:
    """Write a file of a channel."""
    path = state / folder / (f"{channel}.{finished_ns}.jsonl" if finished_ns else f"{channel}.jsonl")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(lines))
    return path


def searched(state: pathlib.Path, query: Query, limit: int, size: int = 2**20) -> list[list[str]]:
    """Return the events on each page of a search."""
    pages, cursor = list[list[str]](), None
    while True:
        some = search(state, query, limit, cursor, size)
        pages.append(events(some.lines))
        if some.following is None:
            return pages
        cursor = some.following


def events(lines: list[Line]) -> list[str]:
    return [each.event for each in lines]


def test_the_tail_merges_channels_and_processes_by_time(tmp_path: pathlib.Path):
    put(tmp_path, "trading", line(1), line(4))
    put(tmp_path, "audit", line(2, "audit"), line(5, "audit"))
    put(tmp_path, "trading", line(3), line(6), folder="logs-2")
    assert events(tail(tmp_path, 10)) == [f"event {number}" for number in range(1, 7)]
    newest = tail(tmp_path, 3)
    assert [(each.time_ns, each.channel, each.folder) for each in newest] == [
        *((at(4), "trading", "logs"), (at(5), "audit", "logs"), (at(6), "trading", "logs-2")),
    ]
    assert tail(tmp_path, 0) == []


def test_lines_of_a_finished_file_come_before_those_of_the_one_that_is_written(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(logfiles, "FILE_BYTES", 300)
    clocks = Clocks()
    (tmp_path / "logs").mkdir()
    file = LogFile(tmp_path / "logs", "trading", CHANNELS["trading"], clocks.time_ns)
    for number in range(40):
        file.write(line(number))
        clocks.now_s += 1.0
    file.close()
    assert len(list((tmp_path / "logs").iterdir())) > 5
    everything = [f"event {number}" for number in range(40)]
    assert events(tail(tmp_path, 100)) == everything
    assert events(search(tmp_path, Query(), 5).lines) == everything[:-6:-1]
    assert [json.loads(each)["event"] for each in export(tmp_path)] == everything
    between = Query(span=Span(at(10), at(13)))
    assert events(search(tmp_path, between, 100).lines) == ["event 12", "event 11", "event 10"]
    assert [json.loads(each)["event"] for each in export(tmp_path, between)] == ["event 10", "event 11", "event 12"]


def test_a_line_longer_than_what_is_read_at_once_is_whole(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loglines, "_BLOCK", 7)
    put(tmp_path, "trading", *(line(number, event="₹" * number) for number in range(30)))
    assert events(tail(tmp_path, 100)) == [f"event {0}", *("₹" * number for number in range(1, 30))]
    assert [json.loads(each)["event"] for each in export(tmp_path)][1:] == ["₹" * number for number in range(1, 30)]


def test_a_search_is_by_text_level_channel_and_time(tmp_path: pathlib.Path):
    put(
        tmp_path,
        "application",
        line(1, "application", "debug", "Compiling"),
        line(2, "application", "warning", "slow", stage="feed"),
        line(3, "application", "error", "lost", exception="Traceback: COMPILING"),
    )
    put(tmp_path, "audit", line(4, "audit", event="kill", who="rahul"))
    found = {
        "text in any case, of events and fields": (Query(text="compiling"), ["lost", "Compiling"]),
        "a field by its name": (Query(text="stage=feed"), ["slow"]),
        "a level and worse": (Query(level="warning"), ["lost", "slow"]),
        "a channel": (Query(channels=["audit"]), ["kill"]),
        "from an instant on": (Query(span=Span(at(3))), ["kill", "lost"]),
        "before an instant": (Query(span=Span(until_ns=at(3))), ["slow", "Compiling"]),
        "nothing": (Query(text="no such words"), []),
    }
    for query, expected in found.values():
        assert events(search(tmp_path, query, 10).lines) == expected


def test_the_copies_in_the_channel_error_are_read_only_where_it_is_named(tmp_path: pathlib.Path):
    lost = line(1, level="error", event="lost")
    put(tmp_path, "trading", lost)
    put(tmp_path, "error", lost)
    assert events(tail(tmp_path, 10)) == ["lost"]
    assert events(tail(tmp_path, 10, Query(["error"]))) == ["lost"]
    assert events(tail(tmp_path, 10, Query(["error", "trading", "error"]))) == ["lost", "lost"]


def test_a_channel_or_a_level_that_there_is_not_is_refused(tmp_path: pathlib.Path):
    for query in (Query(["../../etc/passwd"]), Query(["tradin"]), Query(level="fatal")):
        for read in (lambda query=query: tail(tmp_path, 1, query), lambda query=query: export(tmp_path, query)):
            with pytest.raises(ConfigurationError, match="logs have no"):
                read()
    with pytest.raises(ConfigurationError, match="did you mean 'trading'"):
        tail(tmp_path, 1, Query(["tradin"]))


# ── Bounded ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_search_that_has_looked_through_enough_says_from_where_to_search_on(tmp_path: pathlib.Path):
    put(tmp_path, "trading", *(line(number) for number in range(0, 4_000, 2)))
    put(tmp_path, "audit", *(line(number, "audit") for number in range(1, 4_000, 2)))
    pages = searched(tmp_path, Query(text="7"), limit=10_000, size=2**16)
    assert [event for page in pages for event in page] == [
        f"event {number}" for number in range(3_999, -1, -1) if "7" in str(number)
    ]
    assert len(pages) > 2
    assert searched(tmp_path, Query(text="no such words"), limit=1, size=2**16)[-2:] == [[], []]


@pytest.mark.parametrize("seed", range(10))
def test_whatever_times_the_lines_have_each_stands_on_one_page(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, seed: int
):
    """Clocks disagree, stand still and go back; lines are damaged and long; files are begun between the pages."""
    chance = random.Random(seed)
    monkeypatch.setattr(logfiles, "FILE_BYTES", chance.choice([300, 3_000, 2**20]))
    monkeypatch.setattr(loglines, "_BLOCK", chance.choice([7, 100, 2**16]))
    clocks, places = Clocks(), [("logs", "trading"), ("logs", "audit"), ("logs-2", "trading")]
    for folder, _ in places:
        (tmp_path / folder).mkdir(exist_ok=True)
    files = [LogFile(tmp_path / folder, name, CHANNELS[name], clocks.time_ns) for folder, name in places]
    written = list[str]()

    def write() -> None:
        clocks.now_s = chance.choice([clocks.now_s, clocks.now_s + 1, chance.randrange(3_600)])
        number = len(written)
        written.append(f"event {number}")
        time = chance.choice([number, 5, -number, 10**6])
        chance.choice(files).write(line(time, event=f"event {number}", said="x" * chance.choice([0, 200])))

    for _ in range(60):
        write()
    expected = sorted(written)
    found, cursor, limit = list[str](), None, chance.choice([1, 4, 500])
    while True:
        some = search(tmp_path, Query(), limit, cursor, size=chance.choice([1, 500, 2**20]))
        assert len(some.lines) <= limit
        found += events(some.lines)
        if some.following is None:
            break
        assert some.following != cursor, "no page may lead to itself"
        cursor = some.following
        write()
    assert sorted(found) == expected
    for file in files:
        file.close()


def test_lines_of_one_instant_fill_as_many_pages_as_they_need(tmp_path: pathlib.Path):
    put(tmp_path, "trading", *(line(1, event=str(number)) for number in range(30)))
    pages = searched(tmp_path, Query(), limit=7)
    assert list(map(len, pages)) == [7, 7, 7, 7, 2]
    assert [event for page in pages for event in page] == [str(number) for number in range(29, -1, -1)]


def test_a_line_that_never_ends_ends_no_search(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loglines, "_LINE_BYTES", 2**17)
    put(tmp_path, "trading", line(1), b"x" * 2**20)
    pages = searched(tmp_path, Query(), limit=2, size=2**17)
    assert 4 < len(pages) < 12
    assert pages[-1][-1] == "event 1"


def test_a_search_does_not_go_on_in_a_file_that_took_the_place_of_a_deleted_one(tmp_path: pathlib.Path):
    first = put(tmp_path, "trading", *map(line, range(5)), finished_ns=at(5))
    put(tmp_path, "trading", *map(line, range(5, 9)))
    cursor = search(tmp_path, Query(), 6).following
    first.unlink()
    assert search(tmp_path, Query(), 6, cursor).lines == []


@pytest.mark.parametrize("cursor", ["", "x", "§", "AAAA", "../../etc/passwd", "1763700300000000000"])
def test_a_cursor_that_came_with_no_page_is_refused(tmp_path: pathlib.Path, cursor: str):
    with pytest.raises(ConfigurationError, match="no cursor of this search: begin with its newest page"):
        search(tmp_path, Query(), 1, cursor)


def test_a_cursor_is_of_the_channels_that_were_searched(tmp_path: pathlib.Path):
    put(tmp_path, "trading", line(1), line(2))
    cursor = search(tmp_path, Query(), 1).following
    with pytest.raises(ConfigurationError, match="no cursor of this search"):
        search(tmp_path, Query(["trading"]), 1, cursor)


def test_a_made_up_place_shows_another_part_of_the_same_files(tmp_path: pathlib.Path):
    put(tmp_path, "trading", line(1), line(2))
    channels, spots = msgspec.msgpack.decode(base64.urlsafe_b64decode(search(tmp_path, Query(), 1).following or ""))
    for began_ns, offset, near_ns in itertools.product((0, 2**64 - 1), repeat=3):
        inode = spots["logs/trading"][1]
        forged = [channels, {"logs/trading": [began_ns, inode, offset, near_ns], "../../etc/passwd": [0, 0, 9, 9]}]
        text = base64.urlsafe_b64encode(msgspec.msgpack.encode(forged)).decode()
        assert events(search(tmp_path, Query(), 9, text).lines) in ([], ["event 2", "event 1"])


def test_lines_that_are_nearly_in_order_come_in_order(tmp_path: pathlib.Path):
    put(tmp_path, "trading", *(line(number ^ 3) for number in range(200)))
    ordered = [f"event {number}" for number in range(200)]
    assert events(tail(tmp_path, 1_000)) == ordered
    assert [json.loads(each)["event"] for each in export(tmp_path)] == ordered


# ── What is damaged, and what is none of ours ────────────────────────────────────────────────────────────────────────


def test_a_damaged_line_is_told_at_its_place(tmp_path: pathlib.Path):
    path = put(
        tmp_path, "trading", line(1), line(2)[:-20] + b"\n", b"\xff\x1b[2J\n", b"[]\n", b'{"time_ns": "x"}\n', line(3)
    )
    with path.open("ab") as file:
        file.write(line(4)[:25])
    told = tail(tmp_path, 100)
    assert [each.damaged for each in told] == [False, True, True, True, True, False, True]
    assert [each.event for each in told if not each.damaged] == ["event 1", "event 3"]
    assert told[2].event == r"\xff\x1b[2J"
    assert {each.level for each in told if each.damaged} == {""}
    exported = [json.loads(each) for each in export(tmp_path)]
    assert [each.get("damaged", False) for each in exported] == [each.damaged for each in told]
    assert len(search(tmp_path, Query(level="error"), 100).lines) == 5  # nobody knows of what level they were


@pytest.mark.parametrize("time_ns", [-1, 2**63, 10**40, None, "soon", 1.5])
def test_a_line_of_no_time_that_there_is_is_damaged(tmp_path: pathlib.Path, time_ns: object):
    spoilt = json.dumps({**json.loads(line(2)), "time_ns": time_ns}).encode() + b"\n"
    put(tmp_path, "trading", line(1), spoilt, line(3))
    assert [each.damaged for each in tail(tmp_path, 9)] == [False, True, False]
    assert [json.loads(each).get("damaged", False) for each in export(tmp_path)] == [False, True, False]


def test_no_field_stands_in_for_what_all_lines_have(tmp_path: pathlib.Path):
    put(tmp_path, "trading", line(1, folder="elsewhere", stage="feed"))
    (told,) = [json.loads(each) for each in export(tmp_path)]
    assert (told["folder"], told["stage"]) == ("logs", "feed")
    assert list(told)[:6] == ["time", "time_ns", "level", "channel", "folder", "event"]


def test_a_file_without_an_end_of_lines_is_cut(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loglines, "_LINE_BYTES", 2**17)
    put(tmp_path, "trading", line(1), b"x" * 2**20 + b"\n", line(2))
    told = tail(tmp_path, 100)
    assert (told[0].event, told[-1].event) == ("event 1", "event 2")
    assert all(each.damaged and len(each.event) < 10_000 for each in told[1:-1])
    assert json.loads(list(export(tmp_path))[-1])["event"] == "event 2"


def test_a_line_whose_time_is_wrong_does_not_end_a_search(tmp_path: pathlib.Path):
    put(tmp_path, "trading", line(1), line(2), line(-(10**6)), line(3))
    assert events(search(tmp_path, Query(span=Span(at(1))), 10).lines) == ["event 3", "event 2", "event 1"]


def test_no_link_is_followed_and_nothing_else_is_opened(tmp_path: pathlib.Path):
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    state.mkdir()
    elsewhere.mkdir()
    secret = put(elsewhere, "trading", line(1, event="a secret"), folder="logs")
    (state / "logs").mkdir()
    (state / "logs" / "trading.jsonl").symlink_to(secret)
    (state / "logs" / f"trading.{at(5)}.jsonl").symlink_to(secret)
    (state / "logs-2").symlink_to(elsewhere / "logs", target_is_directory=True)
    (state / "logs-backup").mkdir()
    secret.rename(state / "logs-backup" / "trading.jsonl")
    os.mkfifo(state / "logs" / "audit.jsonl")
    (state / "logs" / "api.jsonl").mkdir()
    put(state, "database", line(2, "database"))
    assert events(tail(state, 10)) == ["event 2"]
    assert len(list(export(state))) == 1


def test_where_there_are_no_logs_there_is_nothing(tmp_path: pathlib.Path):
    assert tail(tmp_path / "nowhere", 10) == []
    assert list(export(tmp_path)) == []
    assert search(tmp_path, Query(), 10).following is None
