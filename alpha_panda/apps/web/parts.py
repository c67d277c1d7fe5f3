"""What the web app is made of: everything that is not the same on every machine and in every test."""

import dataclasses
import pathlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from alpha_panda.apps.alerts.watching import AlertEngine
from alpha_panda.apps.desk.desk import Desk
from alpha_panda.apps.web.limits import Limits
from alpha_panda.apps.web.metrics import WebMetrics
from alpha_panda.apps.web.passwords import Passwords
from alpha_panda.database.repositories import Database
from alpha_panda.live.watch.redaction import Redaction


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """What `create_application` puts together."""

    desk: Desk
    database: Database
    alarms: AlertEngine
    secret: bytes = dataclasses.field(repr=False)  # signs tokens
    hosts: frozenset[str]  # names of the app, in lower case, without a port
    secure: bool  # whether visitors come over TLS
    notebooks: pathlib.Path | None  # the folder of those that can be opened
    redaction: Redaction
    metrics: WebMetrics
    exposition: Callable[[], bytes]  # of the process's other metrics, in the text format of Prometheus
    log: Any  # of the channel `api`
    version: str
    holder: str  # the process, and the machine it runs on
    environment: Mapping[str, str]
    wall_ns: Callable[[], int]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random_bytes: Callable[[int], bytes]
    passwords: Passwords = dataclasses.field(default_factory=Passwords)
    limits: Limits = dataclasses.field(default_factory=Limits)
