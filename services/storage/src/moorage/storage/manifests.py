"""Manifests, tags and referrers of images."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.distribution.content import (
    Actor,
    DeletedTagPage,
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
from moorage.storage.collection import GRACE
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.ports import Listed, ManifestStore, Restorer
from moorage.storage.tag_store import TagStore

_INLINE_BYTES: Final = 64 * 1024


class Manifests:
    """The manifest half of `Content`; its methods are described there."""

    def __init__(
        self,
        manifests: ManifestStore,
        tags: TagStore,
        max_manifest_bytes: int = MAX_MANIFEST_BYTES,
        undo_window: timedelta = GRACE,
        told_again_after: timedelta = GRACE / 4,
    ) -> None:
        self._manifests = manifests
        self._tags = tags
        self._max_bytes = max_manifest_bytes
        self._undo_window = undo_window
        self._told_again_after = told_again_after

    async def put(self, image: UUID, push: ManifestPush, actor: Actor) -> PushedManifest:
        """Reads and checks the manifest by itself, then against the image in the transaction that writes it."""
        if len(push.body) > self._max_bytes:
            raise ManifestTooLarge(f"a manifest has at most {self._max_bytes} bytes")
        record = await self._record(push, actor)
        await self._manifests.put(image, record)
        return record.pushed

    async def find(self, image: UUID, reference: Reference) -> StoredManifest:
        """The manifest under a tag or digest, in one query. What is answered by digest stays for a while (R96).

        By tag it needs no note: it has a name, and a whole grace from when it loses that.
        """
        if isinstance(reference, Tag):
            found = await self._manifests.find(image, reference)
        else:
            told = await self._manifests.vouch(image, reference, self._told_again_after)
            found = told.what if told else None
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

    async def restore(self, image: UUID, digest: Digest, actor: Actor) -> None:
        """The manifest, and deleted ones that it names."""
        if await self._manifests.restore(image, digest, _restorer(actor), self._undo_window):
            return
        if not await self._manifests.held(image, [digest]):
            raise ManifestUnknown("no manifest of this digest was deleted so lately that it could be restored")

    async def restore_tag(self, image: UUID, tag: Tag, actor: Actor) -> Digest:
        """The tag, and what it named if that was deleted too."""
        digest = await self._tags.restore(image, tag, _restorer(actor), self._undo_window)
        if digest is None:
            raise ManifestUnknown("no tag of this name was deleted so lately that it could be restored")
        return digest

    async def deleted_tags(self, image: UUID, limit: int, after: str = "") -> DeletedTagPage:
        """One more than asked for tells whether others follow."""
        if limit <= 0:
            return DeletedTagPage((), more=False)
        tags = await self._tags.deleted(image, self._undo_window, limit + 1, tag_order.comparable(after))
        return DeletedTagPage(tuple(tags[:limit]), len(tags) > limit)

    async def delete_all(self, image: UUID) -> None:
        """All of the image."""
        await self._manifests.delete_all(image)

    async def any_of(self, image: UUID) -> bool:
        """Whether the image has a manifest."""
        return await self._manifests.any_of(image)

    async def page(self, image: UUID, limit: int, after: str = "") -> TagPage:
        """One more than asked for tells whether others follow."""
        if limit <= 0:
            return TagPage((), more=False)
        tags = await self._tags.page(image, limit + 1, tag_order.comparable(after))
        return TagPage(tuple(tag.entry for tag in tags[:limit]), len(tags) > limit, _highest(tag.token for tag in tags))

    async def referrers(self, image: UUID, subject: Digest) -> Referrers:
        """Those recorded, then those that only the fallback tag of older clients names (R35)."""
        recorded = await self._manifests.referrers(image, subject)
        known = {each.entry.digest for each in recorded}
        found = [*recorded, *await self._named_by_fallback(image, subject, known)]
        return Referrers(tuple(each.entry for each in found), _highest(each.token for each in found))

    async def _named_by_fallback(
        self, image: UUID, subject: Digest, known: Collection[Digest]
    ) -> list[Listed[Descriptor]]:
        """What is told of them stands in the manifest of the tag, so they have its token at least."""
        found = await self._manifests.find(image, fallback_tag.of(subject))
        named = [each for each in await self._children(found) if each.digest not in known] if found else []
        if found is None or not named:
            return []
        token = ConsistencyToken.parse(found.token)
        held = await self._manifests.held(image, [each.digest for each in named])
        return [Listed(each, max(token, held[each.digest])) for each in named if each.digest in held]

    async def _children(self, stored: StoredManifest) -> Sequence[Descriptor]:
        try:
            return (await self._parsed(stored)).children
        except ManifestInvalid:
            return ()

    async def _record(self, push: ManifestPush, actor: Actor) -> ManifestRecord:
        if len(push.body) <= _INLINE_BYTES:
            return ManifestRecord.of(push, actor)
        return await asyncio.to_thread(ManifestRecord.of, push, actor)

    async def _parsed(self, stored: StoredManifest) -> Manifest:
        if len(stored.body) <= _INLINE_BYTES:
            return parse(stored.body, stored.media_type)
        return await asyncio.to_thread(parse, stored.body, stored.media_type)


def _restorer(actor: Actor) -> Restorer:
    return Restorer(actor.principal, ConsistencyToken.parse(actor.token))


def _highest(tokens: Iterable[ConsistencyToken]) -> str:
    return str(max(tokens, default=ORIGIN))


def _unknown() -> ManifestUnknown:
    return ManifestUnknown("the image has no manifest under this tag or digest")
