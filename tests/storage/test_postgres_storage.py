"""Storage over PostgreSQL and a folder does what content does, and its statements fit its schema."""

from collections.abc import AsyncIterator
from datetime import timedelta
from importlib.resources import files

import asyncpg
import pytest

import moorage.storage.postgres
from contracts.content import ContentContract
from contracts.hold_feed import HoldFeedContract
from contracts.metadata import MetadataContract, Stores
from contracts.metadata_collection import CollectionContract, Wait
from contracts.metadata_undo import UndoContract
from contracts.verification_store import VerificationStoreContract
from moorage.distribution.content import Content
from moorage.runtime.migrations import migrate
from moorage.runtime.postgres import Database
from moorage.runtime.statement import statements
from moorage.runtime.statement_fit import misfits
from moorage.storage.app import SCHEMA, Storage, open_storage
from moorage.storage.hold_feed import HoldFeed
from moorage.storage.postgres.durability import CommitsNotDurable
from moorage.storage.postgres.hold_feed import PostgresHoldFeed
from moorage.storage.settings import StorageSettings
from storage.postgres_stores import make_older, postgres_stores


class TestContentOnDisk(ContentContract):
    """See the contract."""

    @pytest.fixture
    def content(self, storage: Storage) -> Content:
        """An empty one."""
        return storage.content


class _PostgresStores:
    """Stores in a database of their own."""

    @pytest.fixture
    async def database(self, storage_dsn: str) -> AsyncIterator[Database]:
        """An empty one."""
        async with await Database.open(storage_dsn, SCHEMA) as database:
            yield database

    @pytest.fixture
    def stores(self, database: Database) -> Stores:
        """Empty ones."""
        return postgres_stores(database)


class TestMetadataInPostgres(_PostgresStores, MetadataContract, VerificationStoreContract):
    """See the contract."""


class TestUndoInPostgres(_PostgresStores, UndoContract):
    """See the contract."""


class TestHoldsInPostgres(_PostgresStores, HoldFeedContract):
    """See the contract."""

    @pytest.fixture
    async def feed(self, storage_dsn: str) -> AsyncIterator[HoldFeed]:
        """One process's."""
        async with await Database.open(storage_dsn, SCHEMA, size=1) as database:
            yield PostgresHoldFeed(database)


class TestCollectionInPostgres(_PostgresStores, CollectionContract):
    """See the contract."""

    @pytest.fixture
    def wait(self, database: Database) -> Wait:
        """Makes all that is there older."""

        async def wait(by: timedelta) -> None:
            await make_older(database, by)

        return wait


async def test_each_statement_fits_the_schema_and_its_row(every_fresh_dsn: str) -> None:
    """On the oldest and the newest PostgreSQL we promise: names, columns and types."""
    await migrate(every_fresh_dsn, SCHEMA, files("moorage.storage.postgres.migrations"))
    found = dict(statements(moorage.storage.postgres))
    async with await Database.open(every_fresh_dsn, SCHEMA) as database, database.connection() as connection:
        wrong = {name: await misfits(connection, statement) for name, statement in found.items()}
    assert {name: reasons for name, reasons in wrong.items() if reasons} == {}
    assert len(found) > 20


async def test_storage_refuses_a_database_that_forgets_commits(storage_settings: StorageSettings) -> None:
    """A 201 must be durable (R84)."""
    dsn = storage_settings.database_url.get_secret_value()
    connection = await asyncpg.connect(dsn)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await connection.close()
    with pytest.raises(CommitsNotDurable):
        async with open_storage(storage_settings):
            pass
