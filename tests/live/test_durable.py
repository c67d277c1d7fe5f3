"""Files that are there whole or not at all."""

import os
import pathlib

import pytest

from alpha_panda.live import durable
from alpha_panda.live.durable import remove_durably, write_durably


def test_a_file_is_written_into_a_folder_that_is_made_for_it_and_removed(tmp_path: pathlib.Path):
    path = tmp_path / "folder" / "file"
    write_durably(path, b"one")
    write_durably(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["file"]
    remove_durably(path)
    remove_durably(path)
    assert os.listdir(path.parent) == []


def test_a_write_that_fails_leaves_what_was_there_and_nothing_beside_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "file"
    write_durably(path, b"one")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_durably(path, b"two")
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["file"]
