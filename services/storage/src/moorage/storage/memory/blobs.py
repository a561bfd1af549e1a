"""Which digests are stored, and which images hold them."""

from uuid import UUID

from moorage.oci.digest import Digest
from moorage.storage.memory.tables import MemoryTables
from moorage.storage.ports import StoredObject


class MemoryBlobStore:
    """See BlobStore."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def find(self, image: UUID, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        return self._tables.blobs.get(digest) if (image, digest) in self._tables.links else None

    async def find_anywhere(self, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        return self._tables.blobs.get(digest)

    async def mount(self, source: UUID, target: UUID, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        if (source, digest) not in self._tables.links:
            return None
        self._tables.links.add((target, digest))
        return self._tables.blobs[digest]

    async def unlink(self, image: UUID, digest: Digest) -> bool:
        """See BlobStore."""
        was_linked = (image, digest) in self._tables.links
        self._tables.links.discard((image, digest))
        return was_linked

    async def unlink_all(self, image: UUID) -> None:
        """See BlobStore."""
        self._tables.links = {link for link in self._tables.links if link[0] != image}

    async def any_of(self, image: UUID) -> bool:
        """See BlobStore."""
        return any(holder == image for holder, _ in self._tables.links)
