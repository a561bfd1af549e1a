"""Collection: takes away what nothing names any more, beside everything else that goes on (R94).

Bytes of discarded objects are freed by expiry, after the commit that discarded them (R97).
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

import structlog

from moorage.storage.collection import NOTHING, Collected, Cutoff, Kind, Policy, Reviewable
from moorage.storage.collection_store import Batch, CollectionStore, Place, Queue

Told = Callable[[int], object]
"""Is told how many more reviews are done."""

_FIRST: Final[Place | None] = Place(datetime.min.replace(tzinfo=UTC), 0)
_log: Final = structlog.stdlib.get_logger(__name__)


class Collection:
    """One run takes all that is due at its start. Any number of processes may run it, at any time, killed anywhere."""

    def __init__(self, store: CollectionStore, policy: Policy, batch_size: int = 200) -> None:
        self._store = store
        self._policy = policy
        self._batch_size = batch_size

    async def run(self, told: Told = lambda _: None) -> Collected:
        """What went, batch by batch; what a batch has taken stays taken whatever comes after it."""
        cutoff, collected = await self._store.cutoff(self._policy), NOTHING
        while (forgotten := await self._store.forget_deleted(cutoff, self._batch_size)) != NOTHING:
            collected += forgotten
        for kind in Kind:
            collected += await self._review(kind, cutoff, told)
        if collected != NOTHING:
            _log.info("What nothing names any more was collected", **asdict(collected))
        return collected

    async def preview(self, told: Told = lambda _: None) -> Collected:
        """What a run would take if it began now and nothing changed meanwhile (R100)."""
        cutoff = await self._store.cutoff(self._policy)
        gone = dict[Reviewable, int]()
        for kind in Kind:
            place = _FIRST
            while place is not None:
                batch = await self._store.preview(Batch(kind, cutoff, place, self._batch_size))
                gone |= batch.gone
                place = batch.last
                told(batch.reviews)
        return await self._store.forgettable(cutoff) + Collected.of(gone)

    async def queues(self) -> dict[Kind, Queue]:
        """What waits for review."""
        cutoff = await self._store.cutoff(self._policy)
        return {kind: await self._store.queue(kind, cutoff) for kind in Kind}

    async def _review(self, kind: Kind, cutoff: Cutoff, told: Told) -> Collected:
        collected, place = NOTHING, _FIRST
        while place is not None:
            batch = await self._store.review(Batch(kind, cutoff, place, self._batch_size))
            collected += Collected.of(batch.gone)
            place = batch.last
            told(batch.reviews)
        return collected
