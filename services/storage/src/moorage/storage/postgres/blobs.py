"""Which digests are stored, and which images hold them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.runtime.postgres import Database
from moorage.runtime.statement import Statement, execute, fetch_one
from moorage.storage.ports import StoredObject
from moorage.storage.postgres.connections import connection


@dataclass(frozen=True, slots=True)
class ToldRow:
    """The object behind a blob, and whether the link notes already that clients are told of it."""

    key: UUID
    size: int
    is_damaged: bool
    is_noted: bool


FIND: Final = Statement(
    StoredObject,
    """
    SELECT blob.key, blob.size, coalesce(blob.damage IN ('altered', 'unreadable'), false) AS is_damaged
    FROM blob_link JOIN blob USING (digest)
    WHERE blob_link.image = $1 AND blob_link.digest = $2
    """,
)
# Whether a link is young is told with what is found: only one that is not costs an update, and that may find it gone.
TELL: Final = Statement(
    ToldRow,
    """
    SELECT blob.key, blob.size, coalesce(blob.damage IN ('altered', 'unreadable'), false) AS is_damaged,
        blob_link.linked_at > now() - $3::interval AS is_noted
    FROM blob_link JOIN blob USING (digest)
    WHERE blob_link.image = $1 AND blob_link.digest = $2
    """,
)
# Of many that find it old at once one writes; the others find it noted and wait for nothing but that.
NOTE: Final = Statement(
    type(None),
    """
    UPDATE blob_link SET linked_at = now() WHERE image = $1 AND digest = $2 AND linked_at <= now() - $3::interval
    """,
)
FIND_ANYWHERE: Final = Statement(
    StoredObject,
    """
    SELECT key, size, coalesce(damage IN ('altered', 'unreadable'), false) AS is_damaged FROM blob WHERE digest = $1
    """,
)
# The source's link is locked so that it can't end before the target has its own.
MOUNT: Final = Statement(
    StoredObject,
    """
    WITH source AS (
        SELECT digest FROM blob_link WHERE image = $1 AND digest = $3 FOR KEY SHARE
    ), linked AS (
        INSERT INTO blob_link (image, digest) SELECT $2, digest FROM source
        ON CONFLICT (image, digest) DO UPDATE SET linked_at = now()
    )
    SELECT blob.key, blob.size, coalesce(blob.damage IN ('altered', 'unreadable'), false) AS is_damaged
    FROM source JOIN blob USING (digest)
    """,
)
UNLINK: Final = Statement(type(None), "DELETE FROM blob_link WHERE image = $1 AND digest = $2")
UNLINK_ALL: Final = Statement(
    type(None),
    """
    WITH held AS (SELECT digest FROM blob_link WHERE image = $1 ORDER BY digest FOR UPDATE)
    DELETE FROM blob_link USING held WHERE image = $1 AND blob_link.digest = held.digest
    """,
)
ANY_OF: Final = Statement(bool, "SELECT EXISTS (SELECT FROM blob_link WHERE image = $1)")


class PostgresBlobStore:
    """See BlobStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, image: UUID, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, FIND, image, str(digest))

    async def vouch(self, image: UUID, digest: Digest, told_again_after: timedelta) -> StoredObject | None:
        """See BlobStore."""
        async with connection(self._database) as c:
            row = await fetch_one(c, TELL, image, str(digest), told_again_after)
            if row and not row.is_noted:
                await execute(c, NOTE, image, str(digest), told_again_after)
                return await fetch_one(c, FIND, image, str(digest))
        return StoredObject(row.key, row.size, row.is_damaged) if row else None

    async def find_anywhere(self, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, FIND_ANYWHERE, str(digest))

    async def mount(self, source: UUID, target: UUID, digest: Digest) -> StoredObject | None:
        """See BlobStore. One link is not locked twice: between a weak and a strong lock others may queue up."""
        if source == target:
            return await self.vouch(target, digest, timedelta(0))
        async with connection(self._database) as c:
            return await fetch_one(c, MOUNT, source, target, str(digest))

    async def unlink(self, image: UUID, digest: Digest) -> bool:
        """See BlobStore."""
        async with connection(self._database) as c:
            return await execute(c, UNLINK, image, str(digest)) > 0

    async def unlink_all(self, image: UUID) -> None:
        """See BlobStore."""
        async with connection(self._database) as c:
            await execute(c, UNLINK_ALL, image)

    async def any_of(self, image: UUID) -> bool:
        """See BlobStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, ANY_OF, image) is True
