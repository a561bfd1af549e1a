"""Which digests are stored, and which images hold them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.runtime.statement import Statement, execute, fetch_one
from moorage.storage.ports import StoredObject, Vouched
from moorage.storage.postgres.connections import connection
from moorage.storage.postgres.content_holds import ChangingStore, under_hold


@dataclass(frozen=True, slots=True)
class ToldRow:
    """The object behind a blob, and how long ago the link noted that clients are told of it."""

    key: UUID
    size: int
    is_damaged: bool
    noted_ago: timedelta


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
        now() - blob_link.linked_at AS noted_ago
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


class PostgresBlobStore(ChangingStore):
    """See BlobStore."""

    async def find(self, image: UUID, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, FIND, image, str(digest))

    async def vouch(self, image: UUID, digest: Digest, told_again_after: timedelta) -> Vouched[StoredObject] | None:
        """See BlobStore."""
        async with connection(self._database) as c:
            row = await fetch_one(c, TELL, image, str(digest))
            if row is None:
                return None
            if row.noted_ago < told_again_after:
                return Vouched(StoredObject(row.key, row.size, row.is_damaged), told_again_after - row.noted_ago)
            await execute(c, NOTE, image, str(digest), told_again_after)
            found = await fetch_one(c, FIND, image, str(digest))
        return Vouched(found, told_again_after) if found else None

    async def find_anywhere(self, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, FIND_ANYWHERE, str(digest))

    async def mount(self, source: UUID, target: UUID, digest: Digest) -> StoredObject | None:
        """See BlobStore. One link is not locked twice: between a weak and a strong lock others may queue up."""
        if source == target:
            noted = await self.vouch(target, digest, timedelta(0))
            return noted.what if noted else None
        async with connection(self._database) as c:
            return await fetch_one(c, MOUNT, source, target, str(digest))

    @under_hold
    async def unlink(self, image: UUID, digest: Digest) -> bool:
        """See BlobStore."""
        async with connection(self._database) as c:
            return await execute(c, UNLINK, image, str(digest)) > 0

    @under_hold
    async def unlink_all(self, image: UUID) -> None:
        """See BlobStore."""
        async with connection(self._database) as c:
            await execute(c, UNLINK_ALL, image)

    async def any_of(self, image: UUID) -> bool:
        """See BlobStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, ANY_OF, image) is True
