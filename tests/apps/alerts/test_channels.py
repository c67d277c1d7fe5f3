"""Messages arrive at local receivers as plain text; what hangs or fails delays nobody, and no address is ever shown."""

import asyncio
import itertools
import json
import logging
import time
from collections.abc import Iterator

import pytest
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from alpha_panda.apps.alerts.channels import TOGETHER, Channels, Message, joined
from alpha_panda.apps.alerts.telling import alarm_message
from tests.apps.alerts.looking import Watched, having
from tests.apps.alerts.receiving import Receiver, mail_server, receiver, text_of
from tests.apps.alerts.test_rules import ENGAGED

# apprise looks for a module that later Pythons do not have, as it loads its services.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TOKEN = "123456789:AAsecretsecretsecretsecretsecretsec"
HELLO = Message("2025-11-21-paper: test", "Nothing needs to be done.", "info")
INJECTED = '<b>free</b> & <script>alert("x")</script>\r\nBcc: thief@example.com\n[link](http://thief.example) *_`'


def channels(urls: str, timeout_s: float = 15.0) -> Channels:
    return Channels(urls, time.time_ns, time.monotonic, timeout_s=timeout_s)


@pytest.fixture
def hears() -> Iterator[Receiver]:
    with receiver() as received:
        yield received


@pytest.fixture
def telegram(hears: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"{hears.url}bot")
    hears.answer = json.dumps({"ok": True, "result": {"message_id": 1}})
    return hears


async def test_a_webhook_is_told_as_json(hears: Receiver):
    (delivery,) = await channels(f"json://127.0.0.1:{hears.port}/alarms").deliver(HELLO)
    assert (delivery.delivered, delivery.trouble) == (True, "")
    said = json.loads(hears.bodies[0])
    assert (said["title"], said["message"], said["type"]) == (HELLO.title, HELLO.body, "info")


async def test_slack_is_told(hears: Receiver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(NotifySlack, "webhook_url", hears.url)
    (delivery,) = await channels("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops").deliver(HELLO)
    assert delivery.delivered
    assert HELLO.body in hears.bodies[0]


async def test_telegram_is_told(telegram: Receiver):
    (delivery,) = await channels(f"tgram://{TOKEN}/98765").deliver(HELLO)
    assert delivery.delivered
    assert HELLO.body in json.loads(telegram.bodies[0])["text"]


async def test_a_mail_is_sent():
    with mail_server() as (mailbox, port):
        target = f"mailto://127.0.0.1:{port}?mode=insecure&from=panda@example.com&to=asha@example.com"
        (delivery,) = await channels(target).deliver(HELLO)
        assert delivery.delivered
        (mail,) = mailbox.messages
        assert (mail["Subject"], mail["To"]) == (HELLO.title, "asha@example.com")
        assert any(HELLO.body in text for text in text_of(mail).values())


async def test_several_targets_are_each_told(hears: Receiver):
    urls = f"json://127.0.0.1:{hears.port}/one, json://127.0.0.1:{hears.port}/two\njson://localhost:{hears.port}/three"
    deliveries = await channels(urls).deliver(HELLO)
    assert [each.delivered for each in deliveries] == [True] * 3
    assert sorted(hears.paths) == ["/one", "/three", "/two"]
    assert len({each.target for each in deliveries}) == 3


# ── What somebody else wrote ─────────────────────────────────────────────────────────────────────────────────────────


def injected_message() -> Message:
    watched = Watched()
    watched.pass_time(1, having(latch=ENGAGED.model_copy(update={"reason": INJECTED, "who": INJECTED})))
    return alarm_message(watched.shown()["KillEngaged"], 1)


@pytest.mark.parametrize("form", ["text", "html"])
async def test_what_somebody_wrote_is_text_in_a_mail(form: str):
    with mail_server() as (mailbox, port):
        address = f"mailto://127.0.0.1:{port}?mode=insecure&from=panda@example.com&to=asha@example.com&format={form}"
        await channels(address).deliver(injected_message())
        (mail,) = mailbox.messages
    assert mail["Bcc"] is None
    parts = text_of(mail)
    assert "<script>" in parts["text/plain"]
    if form == "html":
        assert "&lt;script&gt;" in parts["text/html"]
        assert not any(written in parts["text/html"] for written in ("<script>", "<b>free", "<a href"))
    else:
        assert parts.keys() == {"text/plain"}


async def test_what_somebody_wrote_is_text_in_telegram(telegram: Receiver):
    (delivery,) = await channels(f"tgram://{TOKEN}/98765").deliver(injected_message())
    assert delivery.delivered
    said = json.loads(telegram.bodies[0])
    assert said["parse_mode"].upper() == "HTML"
    assert "<script>" not in said["text"]
    assert "<b>free" not in said["text"]
    assert "&lt;script&gt;" in said["text"]


def test_what_somebody_wrote_stays_on_its_line():
    message = injected_message()
    assert len(message.body.split("\n")) == 4
    assert "\r" not in message.body
    assert "\n" not in message.title


async def test_what_a_terminal_would_obey_is_not_passed_on(hears: Receiver):
    await channels(f"json://127.0.0.1:{hears.port}").deliver(Message("a\x1b[2Jb", "c\x00d\u202ee", "info"))
    said = json.loads(hears.bodies[0])
    assert not {*"\x1b\x00\u202e"} & {*said["title"], *said["message"]}


# ── What hangs or fails ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_target_that_fails_says_why(hears: Receiver):
    hears.status = 500
    told = channels(f"json://127.0.0.1:{hears.port}")
    (delivery,) = await told.deliver(HELLO)
    assert not delivery.delivered
    assert "500" in delivery.trouble
    (shown,) = told.shown()
    assert (shown.well, shown.trouble, shown.delivered_ns) == (False, delivery.trouble, 0)


async def test_a_target_that_works_again_is_well(hears: Receiver):
    hears.status = 500
    told = channels(f"json://127.0.0.1:{hears.port}")
    await told.deliver(HELLO)
    hears.status = 200
    await told.deliver(HELLO)
    (shown,) = told.shown()
    assert (shown.well, shown.trouble, shown.delivered_ns > 0) == (True, "", True)


async def test_a_target_that_hangs_is_given_up_and_keeps_nobody_waiting(hears: Receiver):
    hears.hangs_s = 1.0
    with receiver() as other:
        told = channels(f"json://127.0.0.1:{hears.port} json://127.0.0.1:{other.port}", timeout_s=0.3)
        hanging, well = await told.deliver(HELLO)
    assert (hanging.delivered, hanging.trouble) == (False, "no answer within 0.3 s")
    assert well.delivered


async def test_sending_returns_at_once_and_what_waits_arrives_as_one(hears: Receiver):
    told = channels(f"json://127.0.0.1:{hears.port}")
    for number in range(3):
        told.send(Message(f"alarm {number}", "…", "warning"))
    assert hears.bodies == []
    running = asyncio.create_task(told.run())
    await until(lambda: hears.bodies)
    running.cancel()
    said = json.loads(hears.bodies[0])
    assert said["title"] == "alarm 0 and 2 more"
    assert [f"alarm {number}" in said["message"] for number in range(3)] == [True] * 3


async def test_a_message_that_failed_is_tried_again_with_what_came_since(hears: Receiver):
    hears.status = 500
    waited: list[float] = []

    async def recover(seconds: float) -> None:
        waited.append(seconds)
        hears.status = 200
        told.send(Message("second", "…", "info"))

    told = Channels(f"json://127.0.0.1:{hears.port}", time.time_ns, time.monotonic, recover)
    told.send(Message("first", "…", "failure"))
    running = asyncio.create_task(told.run())
    await until(lambda: len(hears.bodies) == 2)
    running.cancel()
    said = json.loads(hears.bodies[1])
    assert (said["title"], said["type"], len(waited)) == ("first and 1 more", "failure", 1)
    assert "second" in said["message"]


async def test_what_no_attempt_delivers_is_given_up(hears: Receiver):
    hears.status = 500
    pauses = itertools.count()

    async def at_once(seconds: float) -> None:
        next(pauses)

    told = Channels(f"json://127.0.0.1:{hears.port}", time.time_ns, time.monotonic, at_once)
    told.send(HELLO)
    running = asyncio.create_task(told.run())
    await until(lambda: len(hears.bodies) == 3)
    hears.status = 200
    told.send(Message("later", "…", "info"))
    await until(lambda: len(hears.bodies) == 4)
    running.cancel()
    assert json.loads(hears.bodies[3])["title"] == "later"
    assert next(pauses) == 2


async def until(holds) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


def test_several_messages_are_as_urgent_as_the_most_urgent():
    assert joined([HELLO]) == HELLO
    assert joined([HELLO, Message("worse", "", "failure"), Message("clear", "", "success")]).kind == "failure"


def test_what_is_most_urgent_is_said_first_and_of_very_many_only_how_many_there_are():
    high = Message("paper: high StageSilent:signals", "…" * 300, "warning")
    burst = [*[high] * 300, Message("paper: critical KillEngaged", "now", "failure"), *[high] * 199]
    said = joined(burst)
    assert (said.title, said.kind) == ("paper: critical KillEngaged and 499 more", "failure")
    assert said.body.startswith("paper: critical KillEngaged\nnow\n\npaper: high StageSilent")
    assert said.body.endswith("And 492 more: look at the screen.")
    assert len(said.body) < TOGETHER + 100


@pytest.mark.parametrize("burst", [500, 1])
async def test_telegram_takes_a_burst_of_alarms_and_a_very_long_one(telegram: Receiver, burst: int):
    cause = "<b> & " * 5_000
    watched = Watched()
    watched.pass_time(1, having(latch=ENGAGED.model_copy(update={"reason": cause})))
    message = alarm_message(watched.shown()["KillEngaged"], 1)
    (delivery,) = await channels(f"tgram://{TOKEN}/98765").deliver(joined([message] * burst))
    assert delivery.delivered
    assert all(len(json.loads(body)["text"]) <= 4_096 for body in telegram.bodies)  # as Telegram's Bot API has it
    assert any("section KillEngaged" in json.loads(body)["text"] for body in telegram.bodies)
    assert len(telegram.bodies) <= 4


def test_what_is_no_target_is_one_that_fails():
    told = channels("nonsense://secret-canary tgram://bad-secret-canary")
    assert [each.well for each in told.shown()] == [False, False]
    assert "canary" not in repr(told.shown())
    assert channels("  \n").shown() == ()


async def test_what_is_no_target_is_never_sent_to():
    (delivery,) = await channels("nonsense://x").deliver(HELLO)
    assert (delivery.delivered, delivery.target) == (False, "target 1")
    assert "none that apprise can use" in delivery.trouble


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────

SECRETS = ("hunter2hunter2", "pathcanary", "headercanary", "querycanary", "AAsecret", "TIiajk", "kdnlaz")


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_no_secret_of_an_address_is_shown_logged_or_told(
    status: int, telegram: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(NotifySlack, "webhook_url", telegram.url)
    telegram.status, telegram.answer = (
        status,
        "the token kdnlaz of bot123456789:AAsecretsecretsecretsecretsecretsec is bad",
    )
    urls = (
        f"json://asha:hunter2hunter2@127.0.0.1:{telegram.port}/pathcanary?+X-Key=headercanary&-key=querycanary",
        f"tgram://{TOKEN}/98765",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops",
        "nonsense://asha:hunter2hunter2@pathcanary/",
        f"jsons://asha:hunter2hunter2@127.0.0.1:{telegram.port}/pathcanary",  # speaks TLS to who does not
    )
    told = channels(" ".join(urls))
    deliveries = await told.deliver(HELLO)
    shown = f"{deliveries!r} {told.shown()!r} {told!r} {caplog.text}"
    assert [secret for secret in SECRETS if secret in shown] == []
    assert len(deliveries) == len(urls)
    assert not deliveries[4].delivered
