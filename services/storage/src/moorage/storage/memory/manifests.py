"""Manifests, what they name, and who refers to whom."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.distribution.content import StoredManifest
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest
from moorage.oci.reference import Reference, Tag
from moorage.storage import references
from moorage.storage.collection import Kind
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.memory import undo
from moorage.storage.memory.tables import ManifestEntry, MemoryTables, TagEntry
from moorage.storage.ports import Listed, Restorer, Vouched
from moorage.storage.tag_store import TagMove


class MemoryManifestStore:
    """See ManifestStore."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def put(self, image: UUID, record: ManifestRecord) -> None:
        """See ManifestStore."""
        tables = self._tables
        record.references.verify(
            {digest: tables.blobs[digest].size for holder, digest in tables.links if holder == image},
            {digest: len(e.record.body) for (holder, digest), e in tables.manifests.items() if holder == image},
        )
        references.verify_depth(tables.depth(image, references.digests(record.references.manifests)))
        known = tables.manifests.get((image, record.digest))
        entry = tables.manifests[image, record.digest] = ManifestEntry(
            record,
            max(record.token, known.token) if known else record.token,
            record.token_is_local and (known is None or known.token_is_local),
            known.order if known else next(tables.numbers),
            known.told_at if known else tables.clock.now(),
        )
        tables.moved += [image] if known and known != replace(entry, record=known.record) else []
        tables.review(Kind.MANIFEST, image, [record.digest])
        tables.deleted_manifests.pop((image, record.digest), None)
        for tag in record.tags:
            self._move(image, tag, record)

    async def find(self, image: UUID, reference: Reference) -> StoredManifest | None:
        """See ManifestStore."""
        tag = self._tables.tags.get((image, reference)) if isinstance(reference, Tag) else None
        if isinstance(reference, Tag):
            if tag is None:
                return None
            reference = tag.digest
        entry = self._tables.manifests.get((image, reference))
        if entry is None:
            return None
        token = max(entry.token, tag.token) if tag else entry.token
        is_local = entry.token_is_local or (tag is not None and tag.token_is_local)
        media_type = entry.record.manifest.media_type.value
        return StoredManifest(reference, media_type, entry.record.body, str(token), is_local)

    async def vouch(self, image: UUID, digest: Digest, told_again_after: timedelta) -> Vouched[StoredManifest] | None:
        """See ManifestStore."""
        entry, now = self._tables.manifests.get((image, digest)), self._tables.clock.now()
        found = await self.find(image, digest)
        if entry is None or found is None:
            return None
        if entry.told_at <= now - told_again_after:
            entry.told_at = now
        return Vouched(found, entry.told_at + told_again_after - now)

    async def held(self, image: UUID, digests: Sequence[Digest]) -> dict[Digest, ConsistencyToken]:
        """See ManifestStore."""
        manifests = self._tables.manifests
        return {digest: manifests[image, digest].token for digest in digests if (image, digest) in manifests}

    async def delete(self, image: UUID, digest: Digest, principal: str) -> bool:
        """See ManifestStore."""
        tables = self._tables
        if (image, digest) not in tables.manifests:
            return False
        for tag in tables.tags_on(image, digest):
            undo.set_tag_aside(tables, image, tag, principal)
        undo.set_aside(tables, image, digest)
        return True

    async def restore(self, image: UUID, digest: Digest, restorer: Restorer, window: timedelta) -> bool:
        """See ManifestStore."""
        return bool(undo.bring_back(self._tables, image, digest, restorer, window))

    async def any_of(self, image: UUID) -> bool:
        """See ManifestStore."""
        return any(holder == image for holder, _ in self._tables.manifests)

    async def delete_all(self, image: UUID) -> None:
        """See ManifestStore."""
        tables = self._tables
        for digest in [digest for holder, digest in tables.manifests if holder == image]:
            tables.drop_manifest(image, digest)
        tables.deleted_manifests = {k: e for k, e in tables.deleted_manifests.items() if k[0] != image}
        tables.deleted_tags = {k: e for k, e in tables.deleted_tags.items() if k[0] != image}
        tables.history = [entry for entry in tables.history if entry[0] != image]

    async def referrers(self, image: UUID, subject: Digest) -> list[Listed[Descriptor]]:
        """See ManifestStore."""
        found = [self._tables.manifests[image, digest] for digest in self._tables.referrers(image, subject)]
        return [Listed(e.record.as_referrer, e.token) for e in sorted(found, key=lambda e: e.order)]

    def _move(self, image: UUID, tag: Tag, record: ManifestRecord) -> None:
        before = self._tables.tags.get((image, tag))
        token = max(record.token, before.token) if before else record.token
        moves = before is None or before.digest != record.digest
        is_local = record.token_is_local and (before is None or moves or before.token_is_local)
        entry = self._tables.tags[image, tag] = TagEntry(record.digest, token, is_local)
        self._tables.moved += [image] if before not in (None, entry) else []
        if moves:
            move = TagMove(tag, before.digest if before else None, record.digest, record.principal)
            self._tables.history.append((image, move))
        if before and moves:
            self._tables.review(Kind.MANIFEST, image, [before.digest])
