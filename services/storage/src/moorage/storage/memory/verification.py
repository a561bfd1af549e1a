"""How far verifications have come, and what they found."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.storage.damage import Damage, Extent, KnownDamage, ListedBlob, Progress
from moorage.storage.memory.tables import MemoryTables

_HIDDEN = frozenset({Damage.ALTERED, Damage.UNREADABLE})


class MemoryVerificationStore:
    """See VerificationStore."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def begin(self, name: str, now: datetime) -> Progress:
        """See VerificationStore."""
        return self._tables.passes.setdefault(name, Progress(now))

    async def advance(self, name: str, progress: Progress) -> None:
        """See VerificationStore."""
        known = self._tables.passes.get(name)
        if known is not None and known.began_at == progress.began_at and known.after < progress.after:
            self._tables.passes[name] = progress

    async def end(self, name: str, began_at: datetime | None = None) -> None:
        """See VerificationStore."""
        known = self._tables.passes.get(name)
        if known is not None and began_at in (None, known.began_at):
            del self._tables.passes[name]

    async def extent(self) -> Extent:
        """See VerificationStore."""
        return Extent(len(self._tables.blobs), sum(stored.size for stored in self._tables.blobs.values()))

    async def page(self, after: str, limit: int) -> list[ListedBlob]:
        """See VerificationStore."""
        following = sorted((digest for digest in self._tables.blobs if str(digest) > after), key=str)
        return [self._listed(digest) for digest in following[:limit]]

    async def find(self, digest: Digest) -> ListedBlob | None:
        """See VerificationStore."""
        return self._listed(digest) if digest in self._tables.blobs else None

    async def judge(self, blob: ListedBlob, damage: Damage | None, now: datetime) -> bool:
        """See VerificationStore."""
        stored = self._tables.blobs.get(blob.digest)
        if stored is None or stored.key != blob.key:
            return False
        self._tables.change_blob(blob.digest, dataclasses.replace(stored, is_damaged=damage in _HIDDEN))
        self._tables.damage.pop(blob.digest, None)
        if damage is not None:
            self._tables.damage[blob.digest] = KnownDamage(blob.digest, blob.size, damage, now)
        return True

    async def damaged(self, after: str, limit: int) -> list[KnownDamage]:
        """See VerificationStore."""
        following = sorted((digest for digest in self._tables.damage if str(digest) > after), key=str)
        return [self._known(digest) for digest in following[:limit]]

    async def unowned(self, keys: Sequence[UUID]) -> set[UUID]:
        """See VerificationStore."""
        owned = {stored.key for stored in self._tables.blobs.values()}
        return set(keys) - owned - self._tables.sessions.keys() - set(self._tables.discarded)

    def _listed(self, digest: Digest) -> ListedBlob:
        stored, known = self._tables.blobs[digest], self._tables.damage.get(digest)
        return ListedBlob(digest, stored.key, stored.size, known.damage if known else None)

    def _known(self, digest: Digest) -> KnownDamage:
        images = tuple(sorted(image for image, linked in self._tables.links if linked == digest))
        return dataclasses.replace(self._tables.damage[digest], images=images)
