"""Manifests, what they name, and who refers to whom."""

from collections.abc import Sequence
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.distribution.content import StoredManifest
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest
from moorage.oci.reference import Reference, Tag
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.memory.tables import ManifestEntry, MemoryTables, TagEntry
from moorage.storage.ports import Listed, TagMove


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
        known = tables.manifests.get((image, record.digest))
        tables.manifests[image, record.digest] = ManifestEntry(
            record,
            max(record.token, known.token) if known else record.token,
            record.token_is_local and (known is None or known.token_is_local),
        )
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

    async def held(self, image: UUID, digests: Sequence[Digest]) -> dict[Digest, ConsistencyToken]:
        """See ManifestStore."""
        manifests = self._tables.manifests
        return {digest: manifests[image, digest].token for digest in digests if (image, digest) in manifests}

    async def delete(self, image: UUID, digest: Digest, principal: str) -> bool:
        """See ManifestStore."""
        if self._tables.manifests.pop((image, digest), None) is None:
            return False
        gone = [key for key, tag in self._tables.tags.items() if key[0] == image and tag.digest == digest]
        for key in gone:
            del self._tables.tags[key]
            self._tables.history.append((image, TagMove(key[1], digest, None, principal)))
        return True

    async def any_of(self, image: UUID) -> bool:
        """See ManifestStore."""
        return any(holder == image for holder, _ in self._tables.manifests)

    async def delete_all(self, image: UUID) -> None:
        """See ManifestStore."""
        tables = self._tables
        tables.manifests = {key: entry for key, entry in tables.manifests.items() if key[0] != image}
        tables.tags = {key: entry for key, entry in tables.tags.items() if key[0] != image}
        tables.history = [entry for entry in tables.history if entry[0] != image]

    async def referrers(self, image: UUID, subject: Digest) -> list[Listed[Descriptor]]:
        """See ManifestStore. A dictionary keeps the order of first pushes."""
        return [
            Listed(entry.record.as_referrer, entry.token)
            for (holder, _), entry in self._tables.manifests.items()
            if holder == image and entry.record.subject == subject
        ]

    def _move(self, image: UUID, tag: Tag, record: ManifestRecord) -> None:
        before = self._tables.tags.get((image, tag))
        token = max(record.token, before.token) if before else record.token
        moves = before is None or before.digest != record.digest
        is_local = record.token_is_local and (before is None or moves or before.token_is_local)
        self._tables.tags[image, tag] = TagEntry(record.digest, token, is_local)
        if moves:
            move = TagMove(tag, before.digest if before else None, record.digest, record.principal)
            self._tables.history.append((image, move))
