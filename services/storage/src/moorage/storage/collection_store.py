"""What collection needs from outside: what waits for review, and the steps that take content away.

Every method may raise Unavailable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from moorage.storage.collection import Collected, Cutoff, Kind, Policy, Reviewable


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the reviews of one kind a run has come to."""

    since: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The next reviews of a kind that are due, at most so many."""

    kind: Kind
    cutoff: Cutoff
    after: Place
    limit: int


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a batch came to: how many reviews, the place of the last one (None: there was none), what went.

    Of blobs the sizes are told; of everything else 0.
    """

    reviews: int
    last: Place | None
    gone: Mapping[Reviewable, int]


@dataclass(frozen=True, slots=True)
class Queue:
    """Reviews of a kind: how many wait, how many of them are due, and since when the oldest is."""

    waiting: int
    due: int
    oldest_due: datetime | None


class CollectionStore(Protocol):
    """What waits for review, and the one step from content to what nobody refers to any more.

    Each method is one transaction; killed, it was not begun. Any number of processes may call them at once: what
    another one works on is left to it. See tests/contracts/metadata_collection.py.
    """

    async def cutoff(self, policy: Policy) -> Cutoff:
        """Now, by the clock that dates everything here."""
        ...

    async def queue(self, kind: Kind, cutoff: Cutoff) -> Queue:
        """What waits."""
        ...

    async def review(self, batch: Batch) -> Reviewed:
        """Looks at each again under its lock, takes away what `collection` says may go, and settles the reviews.

        What somebody else holds is put back. The objects of blobs become discarded.
        """
        ...

    async def preview(self, batch: Batch) -> Reviewed:
        """What `review` would answer, with nothing locked and nothing changed."""
        ...

    async def forget_deleted(self, cutoff: Cutoff, limit: int) -> Collected:
        """Gives up what was deleted and can't be restored any more: at most `limit` tags, and `limit` manifests."""
        ...

    async def forgettable(self, cutoff: Cutoff) -> Collected:
        """All that `forget_deleted` would give up by and by."""
        ...
