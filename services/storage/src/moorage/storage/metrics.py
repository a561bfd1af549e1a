"""What storage tells `/metrics` of collection."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from moorage.runtime.clock import Clock
from moorage.storage.collecting import Collection, Told
from moorage.storage.collection import Collected, Kind
from moorage.storage.collection_store import Queue

_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)


class MeasuredCollection:
    """A collection whose runs are counted, and whose queues are told as the last run has left them."""

    def __init__(self, delegate: Collection, clock: Clock) -> None:
        self._delegate = delegate
        self._clock = clock
        self._runs = Counter(
            "moorage_storage_collection_runs", "Runs of collection, by how they ended.", ["outcome"], registry=None
        )
        self._seconds = Histogram(
            "moorage_storage_collection_seconds", "How long runs took.", buckets=_SECONDS, registry=None
        )
        self._collected = Counter(
            "moorage_storage_collected", "What went, by kind: tags, manifests, links, blobs.", ["kind"], registry=None
        )
        self._bytes = Counter("moorage_storage_collected_bytes", "Bytes of blobs that were discarded.", registry=None)
        self._waiting = Gauge(
            "moorage_storage_reviews_waiting", "What waits for review, due or not.", ["kind"], registry=None
        )
        self._due = Gauge("moorage_storage_reviews_due", "Reviews that are due.", ["kind"], registry=None)
        self._age = Gauge(
            "moorage_storage_oldest_due_review_seconds", "How long ago the oldest due one began to wait.", registry=None
        )

    def add_to(self, registry: CollectorRegistry) -> None:
        """Lets the registry tell these numbers."""
        counters = (self._runs, self._seconds, self._collected, self._bytes, self._waiting, self._due, self._age)
        for metric in counters:
            registry.register(metric)

    async def run(self, told: Told = lambda _: None) -> Collected:
        """See Collection."""
        begun = self._clock.monotonic()
        try:
            collected = await self._delegate.run(told)
        except BaseException:
            self._runs.labels("failed").inc()
            raise
        self._runs.labels("done").inc()
        self._seconds.observe(self._clock.monotonic() - begun)
        self._count(collected)
        self._note(await self._delegate.queues())
        return collected

    async def preview(self, told: Told = lambda _: None) -> Collected:
        """See Collection."""
        return await self._delegate.preview(told)

    async def queues(self) -> Mapping[Kind, Queue]:
        """See Collection."""
        return await self._delegate.queues()

    def _count(self, collected: Collected) -> None:
        for kind, number in asdict(collected).items():
            if kind == "bytes":
                self._bytes.inc(number)
            else:
                self._collected.labels(kind).inc(number)

    def _note(self, queues: Mapping[Kind, Queue]) -> None:
        for kind, queue in queues.items():
            self._waiting.labels(kind.value).set(queue.waiting)
            self._due.labels(kind.value).set(queue.due)
        oldest = min((queue.oldest_due for queue in queues.values() if queue.oldest_due), default=None)
        self._age.set((self._clock.now() - oldest).total_seconds() if isinstance(oldest, datetime) else 0)
