"""The database on a real PostgreSQL server."""

import pytest

from tests.database.alerts import AlertsContract, AuditContract
from tests.database.schema import SchemaContract
from tests.database.strategies import StrategiesContract
from tests.database.users import TokensContract, UsersContract


@pytest.fixture
def url(postgres_url: str) -> str:
    """Return the address of an empty database."""
    return postgres_url


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
