"""Storage over the real PostgreSQL and a real folder."""

from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import SecretStr

from moorage.runtime.migrations import migrate
from moorage.storage.app import SCHEMA, Storage, open_storage
from moorage.storage.settings import StorageSettings
from servers.postgres import PostgresForTests


@pytest.fixture
async def storage_dsn(postgres: PostgresForTests) -> AsyncIterator[str]:
    """The DSN of a database with an empty schema `storage`."""
    template = await postgres.template("storage", _migrated)
    dsn = await postgres.fresh_database(template)
    yield dsn
    await postgres.drop(dsn)


async def _migrated(dsn: str) -> None:
    await migrate(dsn, SCHEMA, files("moorage.storage.postgres.migrations"))


@pytest.fixture
def storage_settings(storage_dsn: str, tmp_path: Path) -> StorageSettings:
    """Settings for one test."""
    return StorageSettings(database_url=SecretStr(storage_dsn), data_folder=tmp_path / "blobs")


@pytest.fixture
async def storage(storage_settings: StorageSettings) -> AsyncIterator[Storage]:
    """Storage as `app` wires it."""
    async with open_storage(storage_settings) as storage:
        yield storage
