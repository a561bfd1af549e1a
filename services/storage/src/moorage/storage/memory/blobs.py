"""Which digests are stored, and which images hold them."""

from datetime import timedelta
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.storage.memory.tables import MemoryTables
from moorage.storage.ports import StoredObject, Vouched


class MemoryBlobStore:
    """See BlobStore."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def find(self, image: UUID, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        return self._tables.blobs.get(digest) if (image, digest) in self._tables.links else None

    async def vouch(self, image: UUID, digest: Digest, told_again_after: timedelta) -> Vouched[StoredObject] | None:
        """See BlobStore."""
        stored, now = await self.find(image, digest), self._tables.clock.now()
        if stored is None:
            return None
        if self._tables.links[image, digest] <= now - told_again_after:
            self._tables.link(image, digest)
        return Vouched(stored, self._tables.links[image, digest] + told_again_after - now)

    async def find_anywhere(self, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        return self._tables.blobs.get(digest)

    async def mount(self, source: UUID, target: UUID, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        if (source, digest) not in self._tables.links:
            return None
        self._tables.link(target, digest)
        return self._tables.blobs[digest]

    async def unlink(self, image: UUID, digest: Digest) -> bool:
        """See BlobStore."""
        return self._tables.unlink(image, digest)

    async def unlink_all(self, image: UUID) -> None:
        """See BlobStore."""
        for digest in [digest for holder, digest in self._tables.links if holder == image]:
            self._tables.unlink(image, digest)

    async def any_of(self, image: UUID) -> bool:
        """See BlobStore."""
        return any(holder == image for holder, _ in self._tables.links)
