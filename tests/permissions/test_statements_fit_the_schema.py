"""Every statement is PREPAREd against the migrated schema, and its columns compared with its row."""

from typing import Any

import pytest

import moorage.permissions.postgres
from moorage.permissions.app import migrate_permissions
from moorage.runtime.postgres import Database
from moorage.runtime.statement import Statement, statements
from moorage.runtime.statement_fit import misfits

STATEMENTS = dict(statements(moorage.permissions.postgres))


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
async def test_a_statement_fits_the_schema_and_its_row(permissions_dsn: str, statement: Statement[Any]) -> None:
    """What PostgreSQL would return is what the row type says."""
    async with await Database.open(permissions_dsn, "permissions") as database, database.connection() as connection:
        assert await misfits(connection, statement) == []


async def test_the_schema_is_made_on_each_supported_server(every_fresh_dsn: str) -> None:
    """And a second start finds nothing to do."""
    assert await migrate_permissions(every_fresh_dsn) == await migrate_permissions(every_fresh_dsn)
