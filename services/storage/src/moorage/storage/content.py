"""All that images hold, behind the one port that the distribution API is served from."""

from collections.abc import AsyncGenerator
from uuid import UUID

from moorage.distribution.content import (
    Actor,
    Blob,
    BlobFile,
    Chunk,
    DeletedTagPage,
    Held,
    ManifestPush,
    PushedManifest,
    Referrers,
    StoredManifest,
    TagPage,
    UploadSession,
)
from moorage.oci.byte_range import ByteRange
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.reference import Reference, Tag
from moorage.storage.blobs import Blobs
from moorage.storage.manifests import Manifests
from moorage.storage.uploads import Uploads


class StoredContent:
    """`moorage.distribution.content.Content`, composed of its three halves; the promises are documented there."""

    def __init__(self, blobs: Blobs, uploads: Uploads, manifests: Manifests) -> None:
        self._blobs = blobs
        self._uploads = uploads
        self._manifests = manifests

    async def stat_blob(self, image: UUID, digest: Digest) -> Blob:
        """See Content."""
        return await self._blobs.stat(image, digest)

    def read_blob(self, image: UUID, digest: Digest, span: ByteRange | None = None) -> AsyncGenerator[bytes, None]:
        """See Content."""
        return self._blobs.read(image, digest, span)

    async def blob_file(self, image: UUID, digest: Digest) -> BlobFile | None:
        """See Content."""
        return await self._blobs.file(image, digest)

    async def delete_blob(self, image: UUID, digest: Digest) -> None:
        """See Content."""
        await self._blobs.unlink(image, digest)

    async def mount_blob(self, source: UUID, target: UUID, digest: Digest, actor: Actor) -> bool:
        """See Content."""
        return await self._blobs.mount(source, target, digest)

    async def start_upload(self, image: UUID, actor: Actor, algorithm: DigestAlgorithm) -> UploadSession:
        """See Content."""
        return await self._uploads.start(image, actor, algorithm)

    async def upload(self, image: UUID, session: UUID, actor: Actor) -> UploadSession:
        """See Content."""
        return await self._uploads.status(image, session, actor)

    async def append(self, image: UUID, session: UUID, actor: Actor, chunk: Chunk) -> UploadSession:
        """See Content."""
        return await self._uploads.append(image, session, actor, chunk)

    async def finish_upload(
        self, image: UUID, session: UUID, actor: Actor, digest: Digest, last: Chunk | None = None
    ) -> Blob:
        """See Content."""
        return await self._uploads.finish(image, session, actor, digest, last)

    async def cancel_upload(self, image: UUID, session: UUID, actor: Actor) -> None:
        """See Content."""
        await self._uploads.cancel(image, session, actor)

    async def put_manifest(self, image: UUID, push: ManifestPush, actor: Actor) -> PushedManifest:
        """See Content."""
        return await self._manifests.put(image, push, actor)

    async def manifest(self, image: UUID, reference: Reference) -> StoredManifest:
        """See Content."""
        return await self._manifests.find(image, reference)

    async def delete_manifest(self, image: UUID, digest: Digest, actor: Actor) -> None:
        """See Content."""
        await self._manifests.delete(image, digest, actor)

    async def delete_tag(self, image: UUID, tag: Tag, actor: Actor) -> None:
        """See Content."""
        await self._manifests.delete_tag(image, tag, actor)

    async def tags(self, image: UUID, limit: int, after: str = "") -> TagPage:
        """See Content."""
        return await self._manifests.page(image, limit, after)

    async def deleted_tags(self, image: UUID, limit: int, after: str = "") -> DeletedTagPage:
        """See Content."""
        return await self._manifests.deleted_tags(image, limit, after)

    async def restore_tag(self, image: UUID, tag: Tag, actor: Actor) -> Digest:
        """See Content."""
        return await self._manifests.restore_tag(image, tag, actor)

    async def restore_manifest(self, image: UUID, digest: Digest, actor: Actor) -> None:
        """See Content."""
        await self._manifests.restore(image, digest, actor)

    async def referrers(self, image: UUID, subject: Digest) -> Referrers:
        """See Content."""
        return await self._manifests.referrers(image, subject)

    async def held(self, image: UUID) -> Held:
        """In the order in which a push goes on: what comes next while this looks is seen."""
        uploads, blobs = await self._uploads.any_of(image), await self._blobs.any_of(image)
        if await self._manifests.any_of(image):
            return Held.MANIFESTS
        if uploads:
            return Held.UPLOADS
        return Held.BLOBS if blobs else Held.NOTHING

    async def delete_image(self, image: UUID) -> None:
        """Sessions first, so that none closes with a blob afterwards; manifests before the blobs they name."""
        await self._uploads.cancel_all(image)
        await self._manifests.delete_all(image)
        await self._blobs.unlink_all(image)
