"""Opening the database: its libraries are asked for only then, and named where they are missing."""

import pathlib
import stat
import subprocess
import sys

import pytest

from alpha_panda.database import open_database
from alpha_panda.errors import ConfigurationError


def test_the_libraries_are_not_imported_before_it_is_opened():
    script = (
        "import sys, alpha_panda.database, alpha_panda.cli.database; "
        "print({'sqlalchemy', 'alembic', 'asyncpg', 'aiosqlite'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert answer.stdout == "set()\n"


async def test_a_library_that_is_missing_is_named_with_the_extra_that_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
):
    monkeypatch.delitem(sys.modules, "alpha_panda.database.connections", raising=False)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigurationError, match=r"the database needs asyncpg: .*pip install alpha-panda\[web\]"):
        async with open_database(f"sqlite:///{tmp_path}/alpha_panda.db"):
            pass


async def test_a_new_file_is_its_owners_alone(tmp_path: pathlib.Path):
    async with open_database(f"sqlite:///{tmp_path}/alpha_panda.db"):
        rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert rights["alpha_panda.db"] == 0o600
    assert set(rights.values()) == {0o600}
