"""The stores over one database, and its time."""

from datetime import timedelta
from typing import Final

from contracts.metadata import Stores
from moorage.runtime.postgres import Database
from moorage.storage.postgres.blobs import PostgresBlobStore
from moorage.storage.postgres.collection import PostgresCollectionStore
from moorage.storage.postgres.manifests import PostgresManifestStore
from moorage.storage.postgres.sessions import PostgresSessionStore
from moorage.storage.postgres.tags import PostgresTagStore
from moorage.storage.postgres.verification import PostgresVerificationStore

_DATED: Final = [
    ("review", "since"),
    ("blob_link", "linked_at"),
    ("upload_session", "started_at"),
    ("long_upload", "since"),
    ("long_upload", "ended_at"),
    ("manifest", "told_at"),
    ("deleted_manifest", "deleted_at"),
    ("deleted_reference", "deleted_at"),
    ("deleted_tag", "deleted_at"),
]


def postgres_stores(database: Database) -> Stores:
    """All of them."""
    return Stores(
        PostgresBlobStore(database),
        PostgresSessionStore(database),
        PostgresManifestStore(database),
        PostgresTagStore(database),
        PostgresVerificationStore(database),
        PostgresCollectionStore(database),
    )


async def make_older(database: Database, by: timedelta) -> None:
    """As if all that is there had been written so much earlier."""
    async with database.transaction() as c:
        for table, column in _DATED:
            await c.execute(f"UPDATE {table} SET {column} = {column} - $1::interval", by)
