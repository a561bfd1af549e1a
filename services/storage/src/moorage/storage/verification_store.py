"""What a verification keeps in the database: how far it has come, and what it found.

Every method may raise Unavailable. See tests/contracts/verification_store.py.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.storage.damage import Damage, Extent, KnownDamage, ListedBlob, Progress


class VerificationStore(Protocol):
    """Passes are told apart by name, and runs of one pass share its progress: none undoes what another has done."""

    async def begin(self, name: str, now: datetime) -> Progress:
        """Where the pass of this name stands; a new one, begun now, if there is none."""
        ...

    async def advance(self, name: str, progress: Progress) -> None:
        """Notes progress of the pass that began then. One that is ahead stays, and so does one that began anew."""
        ...

    async def end(self, name: str, began_at: datetime | None = None) -> None:
        """The pass that began then, or whichever there is, is over: the next one begins anew."""
        ...

    async def extent(self) -> Extent:
        """How much there is to look at."""
        ...

    async def page(self, after: str, limit: int) -> list[ListedBlob]:
        """At most `limit` blobs whose digest is greater than `after`, by code point."""
        ...

    async def find(self, digest: Digest) -> ListedBlob | None:
        """The blob, whoever holds it."""
        ...

    async def judge(self, blob: ListedBlob, damage: Damage | None, now: datetime) -> bool:
        """Marks the blob, or takes its mark away. False, and nothing done, if it has another object by now, or none."""
        ...

    async def damaged(self, after: str, limit: int) -> list[KnownDamage]:
        """At most `limit` blobs that are marked, greater than `after`, by code point."""
        ...

    async def unowned(self, keys: Sequence[UUID]) -> set[UUID]:
        """Those of the keys of objects that no blob, no session and no discarded object has."""
        ...
