"""The stores of manifests and blobs with a memory: what they answer is what the delegates would answer."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.distribution.content import StoredManifest
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest
from moorage.oci.reference import Reference
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.ports import BlobStore, Listed, ManifestStore, Restorer, StoredObject, Vouched
from moorage.storage.remembered.remembered import Answer, Remembered


class RememberedManifestStore:
    """See ManifestStore: manifests by tag and by digest, with their tokens, are remembered."""

    def __init__(self, delegate: ManifestStore, remembered: Remembered) -> None:
        self._delegate = delegate
        self._remembered = remembered

    async def find(self, image: UUID, reference: Reference) -> StoredManifest | None:
        """See ManifestStore."""

        async def ask() -> Answer[StoredManifest] | None:
            found = await self._delegate.find(image, reference)
            return None if found is None else Answer(found, len(found.body))

        return await self._remembered.answer(image, reference, ask)

    async def vouch(self, image: UUID, digest: Digest, told_again_after: timedelta) -> Vouched[StoredManifest] | None:
        """See ManifestStore. The manifest says until when it may be told again; so long it is remembered."""

        async def ask() -> Answer[Vouched[StoredManifest]] | None:
            told = await self._delegate.vouch(image, digest, told_again_after)
            return None if told is None else Answer(told, len(told.what.body), told.lasts.total_seconds())

        return await self._remembered.answer(image, ("told manifest", digest), ask)

    async def put(self, image: UUID, record: ManifestRecord) -> None:
        """See ManifestStore."""
        await self._delegate.put(image, record)

    async def held(self, image: UUID, digests: Sequence[Digest]) -> dict[Digest, ConsistencyToken]:
        """See ManifestStore."""
        return await self._delegate.held(image, digests)

    async def delete(self, image: UUID, digest: Digest, principal: str) -> bool:
        """See ManifestStore."""
        return await self._delegate.delete(image, digest, principal)

    async def restore(self, image: UUID, digest: Digest, restorer: Restorer, window: timedelta) -> bool:
        """See ManifestStore."""
        return await self._delegate.restore(image, digest, restorer, window)

    async def any_of(self, image: UUID) -> bool:
        """See ManifestStore."""
        return await self._delegate.any_of(image)

    async def delete_all(self, image: UUID) -> None:
        """See ManifestStore."""
        await self._delegate.delete_all(image)

    async def referrers(self, image: UUID, subject: Digest) -> list[Listed[Descriptor]]:
        """See ManifestStore."""
        return await self._delegate.referrers(image, subject)


class RememberedBlobStore:
    """See BlobStore: which object is behind a blob of an image is remembered."""

    def __init__(self, delegate: BlobStore, remembered: Remembered) -> None:
        self._delegate = delegate
        self._remembered = remembered

    async def find(self, image: UUID, digest: Digest) -> StoredObject | None:
        """See BlobStore."""

        async def ask() -> Answer[StoredObject] | None:
            found = await self._delegate.find(image, digest)
            return None if found is None else Answer(found)

        return await self._remembered.answer(image, ("object", digest), ask)

    async def vouch(self, image: UUID, digest: Digest, told_again_after: timedelta) -> Vouched[StoredObject] | None:
        """See BlobStore. The link says until when it may be told again; so long it is remembered."""

        async def ask() -> Answer[Vouched[StoredObject]] | None:
            found = await self._delegate.vouch(image, digest, told_again_after)
            return None if found is None else Answer(found, lasts=found.lasts.total_seconds())

        return await self._remembered.answer(image, ("told", digest), ask)

    async def find_anywhere(self, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        return await self._delegate.find_anywhere(digest)

    async def mount(self, source: UUID, target: UUID, digest: Digest) -> StoredObject | None:
        """See BlobStore."""
        return await self._delegate.mount(source, target, digest)

    async def unlink(self, image: UUID, digest: Digest) -> bool:
        """See BlobStore."""
        return await self._delegate.unlink(image, digest)

    async def unlink_all(self, image: UUID) -> None:
        """See BlobStore."""
        await self._delegate.unlink_all(image)

    async def any_of(self, image: UUID) -> bool:
        """See BlobStore."""
        return await self._delegate.any_of(image)
