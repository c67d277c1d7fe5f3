"""Small files that are there whole or not at all, also after a loss of power."""

import os
import pathlib


def write_durably(path: pathlib.Path, content: bytes) -> None:
    """Put `content` at `path` in one step, in place of what was there; the folder is made where it is missing."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _flush_folder(path.parent)


def remove_durably(path: pathlib.Path) -> None:
    """Remove `path`, if it is there."""
    path.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _flush_folder(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
