"""Fixtures of the permissions service: ledgers over memory and PostgreSQL, and sites on top of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.authority import Site
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions, migrate_permissions
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import SystemClock
from moorage.runtime.postgres import Database
from servers.postgres import PostgresForTests


@pytest.fixture
async def permissions_dsn(postgres: PostgresForTests) -> AsyncIterator[str]:
    """The DSN of a migrated database without facts."""
    template = await postgres.template("permissions", migrate_permissions)
    dsn = await postgres.fresh_database(template)
    yield dsn
    await postgres.drop(dsn)


@pytest.fixture
async def two_dsns(postgres: PostgresForTests) -> AsyncIterator[tuple[str, str]]:
    """Two empty databases."""
    both = await postgres.fresh_database(), await postgres.fresh_database()
    yield both
    for dsn in both:
        await postgres.drop(dsn)


@pytest.fixture
async def postgres_ledger(permissions_dsn: str) -> AsyncIterator[PostgresLedger]:
    """A ledger over an empty database."""
    async with await Database.open(permissions_dsn, "permissions") as database:
        yield PostgresLedger(database, SystemClock())


@pytest.fixture(params=["memory", "postgres"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """An empty one of each kind; test modules and contracts that need another one have their own."""
    if request.param == "memory":
        return MemoryLedger()
    found: Ledger = request.getfixturevalue("postgres_ledger")
    return found


async def site_over(ledger: Ledger, folder: Path) -> Site:
    """A site with an operator, whose secret is in the folder."""
    permissions = service_over(ledger)
    secret = await permissions.operator(folder / "operator.json")
    return Site(permissions.authority, permissions.ingest, permissions.authority.set_workspace, secret)


def service_over(ledger: Ledger) -> Permissions:
    """The service over a ledger that is open already."""
    settings = PermissionsSettings.model_validate({"database_url": "postgresql://", "secrets_dir": "."})
    return Permissions(ledger, FilePepper(b"k" * 32), SystemClock(), settings)


@pytest.fixture
async def memory_site(tmp_path: Path) -> Site:
    """A site in memory."""
    return await site_over(MemoryLedger(), tmp_path)


@pytest.fixture
async def postgres_site(postgres_ledger: PostgresLedger, tmp_path: Path) -> Site:
    """A site over PostgreSQL."""
    return await site_over(postgres_ledger, tmp_path)
