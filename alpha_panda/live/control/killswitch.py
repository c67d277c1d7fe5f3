"""The kill latch: a file in the state folder that stops a session's trading whatever else has failed.

It needs no log and no store, and it outlasts every process. That the file is there is the latch, whatever it says:
where nothing else works, `touch STATE/kill` does.
"""

import pathlib
from collections.abc import Callable

import msgspec

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.durable import remove_durably, write_durably

LATCH = "kill"
"""The name of the file."""

LOOK_EVERY_S = 0.05


class Latch(msgspec.Struct, frozen=True):
    """Who engaged the latch, why, and when by their clock."""

    who: str
    reason: str
    time_ns: int


class KillSwitch:
    """The latch of the session in `folder`; `monotonic` paces how often the file is looked up."""

    def __init__(self, folder: pathlib.Path, monotonic: Callable[[], float]) -> None:
        self._path = folder / LATCH
        self._monotonic = monotonic
        self._latch: Latch | None = None
        self._look_next_s = monotonic()

    def engaged(self) -> Latch | None:
        """Return the latch in force, as it was at most 50 ms ago; None where trading may go on.

        What cannot be looked up is taken for engaged, since nobody can say that it is not.
        """
        now_s = self._monotonic()
        if now_s >= self._look_next_s:
            self._look_next_s = now_s + LOOK_EVERY_S
            self._latch = _read(self._path)
        return self._latch

    def engage(self, who: str, reason: str, time_ns: int) -> Latch:
        """Engage the latch, flushed to the disk, and return the one in force: who came first stays named on it.

        Raises ConfigurationError where there is no such folder, since it would stop nobody.
        """
        if not self._path.parent.is_dir():
            raise ConfigurationError(f"there is no state directory {self._path.parent}: name that of the session")
        latch = _read(self._path)
        if latch is None:
            latch = Latch(who, reason, time_ns)
            write_durably(self._path, msgspec.json.encode(latch))
        self._look_next_s = self._monotonic()
        return latch

    def release(self) -> Latch | None:
        """Take the latch away, and return what it said; None where there was none.

        This alone lets nothing trade: the account stays killed until it is reset, and the log says who did that.
        """
        latch = _read(self._path)
        remove_durably(self._path)
        self._look_next_s = self._monotonic()
        return latch


def _read(path: pathlib.Path) -> Latch | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Latch)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except msgspec.MsgspecError:
        return Latch("somebody", f"{path} is there, and does not say more", _changed_ns(path))
    except OSError as error:
        return Latch("nobody", f"{path} cannot be looked up: {error.strerror}", 0)


def _changed_ns(path: pathlib.Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
