"""The composition root of storage: the only module that builds drivers and stores."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from moorage.distribution.content import Content
from moorage.runtime.clock import SystemClock
from moorage.runtime.migrations import migrate
from moorage.runtime.postgres import Database
from moorage.runtime.schema_role import ensure_schema_role
from moorage.storage.blobs import Blobs
from moorage.storage.content import StoredContent
from moorage.storage.drivers.filesystem import FilesystemDriver
from moorage.storage.expiry import Expiry
from moorage.storage.manifests import Manifests
from moorage.storage.periodic import Periodic
from moorage.storage.postgres.blobs import PostgresBlobStore
from moorage.storage.postgres.durability import check_durability
from moorage.storage.postgres.manifests import PostgresManifestStore
from moorage.storage.postgres.sessions import PostgresSessionStore
from moorage.storage.postgres.tags import PostgresTagStore
from moorage.storage.settings import StorageSettings
from moorage.storage.upload_session import Lifetime
from moorage.storage.uploads import UploadLimits, Uploads

SCHEMA: Final = "storage"


@dataclass(frozen=True, slots=True)
class Storage:
    """An open storage service: what images hold."""

    content: Content


@asynccontextmanager
async def open_storage(settings: StorageSettings) -> AsyncIterator[Storage]:
    """Migrates, opens the data folder, and expires uploads as long as it is open.

    Raises what `migrate` and `Database.open` raise, Unavailable for the data folder, CommitsNotDurable.
    """
    dsn = settings.database_url.get_secret_value()
    role = await ensure_schema_role(dsn, SCHEMA)
    await migrate(dsn, SCHEMA, files("moorage.storage.postgres.migrations"), role=role)
    driver = await asyncio.to_thread(FilesystemDriver.open, settings.data_folder)
    async with await Database.open(dsn, SCHEMA, role=role, size=settings.database_connections) as database:
        await check_durability(database)
        content, expiry = _wired(settings, driver, database)
        async with Periodic("expire uploads", expiry.run, settings.expiry_interval):
            yield Storage(content)


def _wired(settings: StorageSettings, driver: FilesystemDriver, database: Database) -> tuple[Content, Expiry]:
    blobs, sessions = PostgresBlobStore(database), PostgresSessionStore(database)
    limits = UploadLimits(settings.max_blob_bytes, settings.max_open_uploads)
    content = StoredContent(
        Blobs(driver, blobs),
        Uploads(driver, blobs, sessions, SystemClock(), limits),
        Manifests(PostgresManifestStore(database), PostgresTagStore(database), settings.max_manifest_bytes),
    )
    lifetime = Lifetime(settings.upload_idle, settings.upload_lifetime)
    return content, Expiry(driver, sessions, SystemClock(), lifetime, settings.leftover_grace)
