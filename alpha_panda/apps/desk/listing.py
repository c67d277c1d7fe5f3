"""The sessions whose folders lie side by side."""

import pathlib
from collections.abc import Callable

from alpha_panda.apps.desk.models import SessionListing
from alpha_panda.live.build import KAFKA_NOTE, has_embedded_log
from alpha_panda.live.control.killswitch import LATCH

_LISTED = 200


def listed_sessions(shown: pathlib.Path, running: Callable[[pathlib.Path], str]) -> tuple[SessionListing, ...]:
    """Return the sessions beside the one in `shown`, the latest that were written to, newest first.

    `running` says who writes the embedded log in a folder.
    """
    shown = shown.absolute()
    folders = [path for path in shown.parent.iterdir() if path.is_dir()] if shown.parent.is_dir() else []
    newest = sorted(folders, key=_changed_ns, reverse=True)[:_LISTED]
    return tuple(
        SessionListing(
            name=path.name,
            shown=path == shown,
            killed=(path / LATCH).exists(),
            running=bool(running(path)),
            log="embedded" if has_embedded_log(path) else "kafka" if (path / KAFKA_NOTE).exists() else "none",
            changed_ns=_changed_ns(path),
        )
        for path in newest
    )


def _changed_ns(path: pathlib.Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0  # it has gone since it was listed
