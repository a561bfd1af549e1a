"""Storage over PostgreSQL and a folder does what content does, and its statements fit its schema."""

from collections.abc import AsyncIterator
from importlib.resources import files

import asyncpg
import pytest

import moorage.storage.postgres
from contracts.content import ContentContract
from contracts.metadata import MetadataContract, Stores
from moorage.distribution.content import Content
from moorage.runtime.migrations import migrate
from moorage.runtime.postgres import Database
from moorage.runtime.statement import statements
from moorage.runtime.statement_fit import misfits
from moorage.storage.app import SCHEMA, Storage, open_storage
from moorage.storage.postgres.blobs import PostgresBlobStore
from moorage.storage.postgres.collection import PostgresCollectionStore
from moorage.storage.postgres.durability import CommitsNotDurable
from moorage.storage.postgres.manifests import PostgresManifestStore
from moorage.storage.postgres.sessions import PostgresSessionStore
from moorage.storage.postgres.tags import PostgresTagStore
from moorage.storage.settings import StorageSettings


class TestContentOnDisk(ContentContract):
    """See the contract."""

    @pytest.fixture
    def content(self, storage: Storage) -> Content:
        """An empty one."""
        return storage.content


class TestMetadataInPostgres(MetadataContract):
    """See the contract."""

    @pytest.fixture
    async def stores(self, storage_dsn: str) -> AsyncIterator[Stores]:
        """Empty ones."""
        async with await Database.open(storage_dsn, SCHEMA) as database:
            yield Stores(
                PostgresBlobStore(database),
                PostgresSessionStore(database),
                PostgresManifestStore(database),
                PostgresTagStore(database),
                PostgresCollectionStore(database),
            )


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
