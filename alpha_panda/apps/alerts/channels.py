"""Where messages about alarms go: the targets of ALPHA_PANDA_ALERTS, each at its own pace and none in anybody's way.

The addresses are secrets. Not even what apprise shows of one with `privacy=True` is shown whole: of a webhook, that has
the path and the headers in clear.
"""

import asyncio
import collections
import contextlib
import dataclasses
import itertools
import logging
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import urlsplit

from alpha_panda.apps.alerts.models import Channel, Delivery
from alpha_panda.errors import ConfigurationError
from alpha_panda.live.watch.redaction import Redaction, secrets_of

if TYPE_CHECKING:
    from apprise import Apprise, NotifyBase

ALERTS = "ALPHA_PANDA_ALERTS"
"""The environment variable that names the targets: apprise's URLs, apart by blanks or commas."""

WAITING = 1_000
"""Messages that may wait for one target; the oldest gives way."""

TOGETHER = 2_500
"""Characters of several messages that are sent as one: Telegram takes 4,096 of them, with what its markup adds."""

_TIMEOUT_S = 15.0
_PAUSES_S = (5.0, 30.0)  # before a message is tried again
_ANSWER = 300  # characters of what a target answered
_SHORTEST_SECRET = 4  # characters

Kind = Literal["info", "success", "warning", "failure"]
_WORST_FIRST: tuple[Kind, ...] = ("failure", "warning", "info", "success")


@dataclasses.dataclass(frozen=True)
class Message:
    """Something that people are told, as plain text."""

    title: str
    body: str
    kind: Kind


def joined(messages: Iterable[Message]) -> Message:
    """Return one message that says what several do, the most urgent first, and as urgent as that.

    Where they are more than a target takes, or a person reads, the last are only counted.
    """
    several = sorted(messages, key=lambda each: _WORST_FIRST.index(each.kind))
    if len(several) == 1:
        return several[0]
    said = [f"{each.title}\n{each.body}" for each in several]
    fit = sum(length <= TOGETHER for length in itertools.accumulate(len(each) + 2 for each in said)) or 1
    rest = [f"And {len(said) - fit:,} more: look at the screen."] if fit < len(said) else []
    title = f"{several[0].title} and {len(several) - 1:,} more"
    return Message(title, "\n\n".join([*said[:fit], *rest]), several[0].kind)


class Channels:
    """All targets; `run` works on what is sent to them, `deliver` waits for what each of them answers."""

    def __init__(
        self,
        urls: str,
        wall_ns: Callable[[], int],
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        """Take the targets in `urls`; what is none of apprise's is shown as one that fails.

        Raises ConfigurationError where there are some, and apprise is not installed.
        """
        self._targets: list[_Target] = []
        for number, url in enumerate(_split(urls), start=1):
            target = _Target(url, number, wall_ns, monotonic, sleep, timeout_s)
            if any(each.shown.target == target.shown.target for each in self._targets):
                target.shown = target.shown.model_copy(update={"target": f"{target.shown.target} ({number})"})
            self._targets.append(target)

    def shown(self) -> tuple[Channel, ...]:
        """Return the targets, without what is secret of them."""
        return tuple(target.shown for target in self._targets)

    def send(self, message: Message, arrived: Callable[[], None] = lambda: None) -> None:
        """Leave a message for all targets, and return at once; `arrived` is called by the first that takes it."""
        sending = _Sending(message, arrived)
        for target in self._targets:
            target.put(sending)

    @property
    def able(self) -> bool:
        """Whether there is a target of which nobody knows that it takes no messages."""
        return any(target.shown.well is not False for target in self._targets)

    async def deliver(self, message: Message) -> tuple[Delivery, ...]:
        """Send a message to all targets now, once, and return what became of it at each."""
        return tuple(await asyncio.gather(*(target.deliver(message) for target in self._targets)))

    async def run(self) -> None:
        """Send what is left for the targets, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for target in self._targets:
                tasks.create_task(target.run())


def _split(urls: str) -> list[str]:
    if not urls.strip():
        return []
    try:
        import apprise.utils.parse as parsing
    except ImportError:
        raise ConfigurationError(
            f"{ALERTS} names targets, which need apprise: install it with `pip install alpha-panda[web]`"
        ) from None
    # They log whole addresses where they are asked for details, and nobody is to be.
    for name in ("apprise", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return list(cast(Callable[[str], Iterable[str]], parsing.parse_urls)(urls))


@dataclasses.dataclass
class _Sending:
    """A message on its way to all targets."""

    message: Message
    _arrived: Callable[[], None]
    _has_arrived: bool = False

    def arrive(self) -> None:
        """Note that a target has taken it."""
        if not self._has_arrived:
            self._has_arrived = True
            self._arrived()


class _Target:
    """One target, with what waits for it."""

    def __init__(
        self,
        url: str,
        number: int,
        wall_ns: Callable[[], int],
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        timeout_s: float,
    ) -> None:
        self._wall_ns, self._monotonic, self._sleep, self._timeout_s = wall_ns, monotonic, sleep, timeout_s
        self._redaction = Redaction(part for part in secrets_of(url) if len(part) >= _SHORTEST_SECRET)
        self._waiting: collections.deque[_Sending] = collections.deque(maxlen=WAITING)
        self._something = asyncio.Event()
        self._apprise, self.shown = _opened(url, number)

    def put(self, sending: _Sending) -> None:
        """Leave a message."""
        self._waiting.append(sending)
        self._something.set()

    async def run(self) -> None:
        """Send what waits, joined into one message; one that fails is tried again, together with what came since."""
        while True:
            self._something.clear()
            if not self._waiting:
                await self._something.wait()
            sendings = list(self._waiting)
            self._waiting.clear()
            for pause_s in (*_PAUSES_S, None):
                delivery = await self.deliver(joined(each.message for each in sendings))
                if delivery.delivered:
                    for each in sendings:
                        each.arrive()
                if delivery.delivered or pause_s is None:
                    break
                await self._sleep(pause_s)
                sendings = [*sendings, *self._waiting][-WAITING:]
                self._waiting.clear()

    async def deliver(self, message: Message) -> Delivery:
        """Send a message once, and return what the target answered."""
        began_s = self._monotonic()
        trouble = await self._tried(message)
        now_ns = self._wall_ns()
        changed = {"well": not trouble, "trouble": trouble, "tried_ns": now_ns}
        self.shown = self.shown.model_copy(update=changed if trouble else {**changed, "delivered_ns": now_ns})
        return Delivery(
            service=self.shown.service,
            target=self.shown.target,
            delivered=not trouble,
            trouble=trouble,
            took_s=self._monotonic() - began_s,
        )

    async def _tried(self, message: Message) -> str:
        """Send a message, and return what went wrong in one line, empty where nothing did."""
        if self._apprise is None:
            return self.shown.trouble
        from apprise import NotifyFormat, NotifyType

        plain = Redaction(()).text
        body = "\n".join(plain(line) for line in message.body.split("\n"))
        try:
            async with asyncio.timeout(self._timeout_s):
                result = await self._apprise.async_notify(
                    body=body,
                    title=plain(message.title),
                    notify_type=NotifyType(message.kind),
                    body_format=NotifyFormat.TEXT,
                )
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
        except Exception as error:  # noqa: BLE001  # a fault of one service is told, and no reason to tell nobody
            return self._answer(f"{type(error).__name__}: {error}")
        if result:
            return ""
        said = [entry.message for entry in result.logs()]
        return self._answer(said[-1] if said else f"apprise says {result.status.name.lower()}")

    def _answer(self, text: str) -> str:
        return self._redaction.text(text)[:_ANSWER]


def _opened(url: str, number: int) -> tuple["Apprise | None", Channel]:
    """Return a target and how it is shown; nothing to send with, and why, where `url` is none."""
    from apprise import Apprise, AppriseAsset, OverflowMode

    asset = AppriseAsset(secure_logging=True, interpret_emojis=False, interpret_escapes=False, app_id="Alpha Panda")
    apprise = Apprise(asset=asset)
    with _unheard():
        added = apprise.add(url)
    if not added:
        trouble = f"the target {number} of {ALERTS} is none that apprise can use: compare it with live/README.md"
        shown = Channel(service="", target=f"target {number}", well=False, trouble=trouble, tried_ns=0, delivered_ns=0)
        return None, shown
    service = cast("NotifyBase", apprise.services[0])
    if service.overflow_mode == OverflowMode.UPSTREAM:  # which a target refuses that takes only so much at once
        service.overflow_mode = OverflowMode.SPLIT
    parts = urlsplit(service.url(privacy=True))
    name, target = str(service.service_name), f"{parts.scheme}://{parts.netloc}"
    return apprise, Channel(service=name, target=target, well=None, trouble="", tried_ns=0, delivered_ns=0)


@contextlib.contextmanager
def _unheard() -> Generator[None]:
    """Let apprise say nothing while it reads an address, for it repeats what it does not understand."""
    logger = logging.getLogger("apprise")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
