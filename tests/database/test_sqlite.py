"""The database in a file of SQLite."""

import pathlib

import pytest

from tests.database.alerts import AlertsContract, AuditContract
from tests.database.schema import SchemaContract
from tests.database.strategies import StrategiesContract
from tests.database.users import TokensContract, UsersContract


@pytest.fixture
def url(tmp_path: pathlib.Path) -> str:
    """Return the address of a file that is not there yet, in a folder that is not there either."""
    return f"sqlite:///{tmp_path}/folder/alpha_panda.db"


class TestUsers(UsersContract):
    pass


class TestTokens(TokensContract):
    pass


class TestStrategies(StrategiesContract):
    pass


class TestAlerts(AlertsContract):
    pass


class TestAudit(AuditContract):
    pass


class TestSchema(SchemaContract):
    pass
