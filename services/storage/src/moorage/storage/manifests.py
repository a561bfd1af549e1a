"""Manifests, tags and referrers of images."""

import asyncio
from typing import Final
from uuid import UUID

from moorage.distribution.content import (
    Actor,
    ManifestPush,
    PushedManifest,
    Referrers,
    StoredManifest,
    TagPage,
)
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest
from moorage.oci.errors import ManifestInvalid, ManifestTooLarge, ManifestUnknown
from moorage.oci.manifest import MAX_MANIFEST_BYTES, Manifest, parse
from moorage.oci.reference import Reference, Tag
from moorage.storage import fallback_tag, tag_order
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.ports import ManifestStore, TagStore

_INLINE_BYTES: Final = 64 * 1024


class Manifests:
    """The manifest half of `Content`; its methods are described there."""

    def __init__(self, manifests: ManifestStore, tags: TagStore, max_manifest_bytes: int = MAX_MANIFEST_BYTES) -> None:
        self._manifests = manifests
        self._tags = tags
        self._max_bytes = max_manifest_bytes

    async def put(self, image: UUID, push: ManifestPush, actor: Actor) -> PushedManifest:
        """Reads and checks the manifest by itself, then against the image in the transaction that writes it."""
        if len(push.body) > self._max_bytes:
            raise ManifestTooLarge(f"a manifest has at most {self._max_bytes} bytes")
        record = await self._record(push, actor)
        await self._manifests.put(image, record)
        return record.pushed

    async def find(self, image: UUID, reference: Reference) -> StoredManifest:
        """The manifest under a tag or digest, in one query."""
        found = await self._manifests.find(image, reference)
        if found is None:
            raise _unknown()
        return found

    async def delete(self, image: UUID, digest: Digest, actor: Actor) -> None:
        """The manifest and every tag on it."""
        if not await self._manifests.delete(image, digest, actor.principal):
            raise _unknown()

    async def delete_tag(self, image: UUID, tag: Tag, actor: Actor) -> None:
        """The tag only."""
        if not await self._tags.delete(image, tag, actor.principal):
            raise _unknown()

    async def delete_all(self, image: UUID) -> None:
        """All of the image."""
        await self._manifests.delete_all(image)

    async def page(self, image: UUID, limit: int, after: str = "") -> TagPage:
        """One more than asked for tells whether others follow."""
        if limit <= 0:
            return TagPage((), more=False)
        tags = await self._tags.page(image, limit + 1, tag_order.comparable(after))
        return TagPage(tuple(tags[:limit]), more=len(tags) > limit)

    async def referrers(self, image: UUID, subject: Digest) -> Referrers:
        """Those recorded, then those that only the fallback tag of older clients names (R35)."""
        recorded = await self._manifests.referrers(image, subject)
        listed = await self._listed_by_fallback(image, subject)
        known = {descriptor.digest for descriptor in recorded}
        added = [descriptor for descriptor in listed if descriptor.digest not in known]
        if added:
            held = await self._manifests.held(image, [descriptor.digest for descriptor in added])
            recorded += [descriptor for descriptor in added if descriptor.digest in held]
        return Referrers(tuple(recorded))

    async def _listed_by_fallback(self, image: UUID, subject: Digest) -> list[Descriptor]:
        found = await self._manifests.find(image, fallback_tag.of(subject))
        if found is None:
            return []
        try:
            manifest = await self._parsed(found)
        except ManifestInvalid:
            return []
        return list(manifest.children)

    async def _record(self, push: ManifestPush, actor: Actor) -> ManifestRecord:
        if len(push.body) <= _INLINE_BYTES:
            return ManifestRecord.of(push, actor)
        return await asyncio.to_thread(ManifestRecord.of, push, actor)

    async def _parsed(self, stored: StoredManifest) -> Manifest:
        if len(stored.body) <= _INLINE_BYTES:
            return parse(stored.body, stored.media_type)
        return await asyncio.to_thread(parse, stored.body, stored.media_type)


def _unknown() -> ManifestUnknown:
    return ManifestUnknown("the image has no manifest under this tag or digest")
