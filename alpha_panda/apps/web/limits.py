"""What one visitor may ask for: so many requests in a second, and so large a body."""

import collections
import dataclasses
import ipaddress
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds that no person or well-behaved program meets."""

    requests_per_second: float = 300.0  # of one principal
    requests_at_once: float = 600.0
    anonymous_per_second: float = 20.0  # of one address that has not signed in
    anonymous_at_once: float = 60.0
    body_bytes: int = 2**20
    websockets: int = 64  # of one principal
    pages_per_second: float = 3.0  # of the dashboard, of one principal: each is megabytes here until it is closed
    pages_at_once: float = 60.0
    messages_per_second: float = 300.0  # on the websockets of one principal: a hand that moves something sends some
    messages_at_once: float = 3_000.0


@dataclasses.dataclass(frozen=True)
class Turn:
    """What became of one request of a visitor: whether it has to wait, and how many more there may be."""

    wait_s: float  # 0 where it may be served
    left: int
    at_once: int
    full_s: float  # until there may be so many at once again


@dataclasses.dataclass
class _Bucket:
    tokens: float
    filled_s: float


class Rates:
    """A token bucket for each visitor; of those, the ones that asked last are remembered."""

    def __init__(self, monotonic: Callable[[], float], kept_max: int = 10_000) -> None:
        self._monotonic = monotonic
        self._kept_max = kept_max
        self._buckets: collections.OrderedDict[str, _Bucket] = collections.OrderedDict()

    def take(self, visitor: str, per_second: float, at_once: float) -> Turn:
        """Take one request of `visitor` from its bucket, or say after how many seconds there is one again."""
        now_s = self._monotonic()
        bucket = self._buckets.setdefault(visitor, _Bucket(at_once, now_s))
        self._buckets.move_to_end(visitor)
        if len(self._buckets) > self._kept_max:
            self._buckets.popitem(last=False)
        bucket.tokens = min(at_once, bucket.tokens + (now_s - bucket.filled_s) * per_second)
        bucket.filled_s = now_s
        wait_s = max(1.0 - bucket.tokens, 0.0) / per_second
        bucket.tokens -= 0.0 if wait_s else 1.0
        return Turn(wait_s, int(bucket.tokens), int(at_once), (at_once - bucket.tokens) / per_second)


def network_of(address: str) -> str:
    """Return what stands for an address: itself, or the network of an IPv6 address, of which one has 2^64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
