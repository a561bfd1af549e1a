"""What ingest counts, for Prometheus: what became of facts, how long batches take, how far behind partitions are."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from moorage.permissions.batches import Refused

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Outcome(Protocol):
    """What became of the facts of a batch."""

    @property
    def applied(self) -> int: ...

    @property
    def unchanged(self) -> int: ...

    @property
    def stale(self) -> int: ...

    @property
    def conflicts(self) -> int: ...


class IngestMetrics:
    """One for each service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._facts = Counter(
            "moorage_permissions_ingest_facts", "Facts by what became of them.", ["topic", "outcome"], registry=registry
        )
        self._refused = Counter(
            "moorage_permissions_ingest_refused",
            "Records that became dead letters.",
            ["topic", "reason"],
            registry=registry,
        )
        self._lag = Gauge(
            "moorage_permissions_ingest_lag_records",
            "Offsets between what is applied of a partition and the end of its log (R120).",
            ["topic", "partition"],
            registry=registry,
        )
        self._seconds = Histogram(
            "moorage_permissions_ingest_batch_seconds",
            "How long the change of a batch took, with the wait for its turn.",
            ["topic"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._batches = Counter(
            "moorage_permissions_ingest_batches", "Batches that were applied.", ["topic"], registry=registry
        )

    def applying(self, topic: str) -> AbstractContextManager[object]:
        """Around the change of a batch."""
        timer: AbstractContextManager[object] = self._seconds.labels(topic).time()
        return timer

    def applied(self, topic: str, counts: Outcome, refused: Sequence[Refused]) -> None:
        """A batch was applied; `topic` is empty for HTTP."""
        self._batches.labels(topic).inc()
        for outcome, number in (
            ("applied", counts.applied),
            ("unchanged", counts.unchanged),
            ("stale_dropped", counts.stale),
            ("conflict", counts.conflicts),
        ):
            self._facts.labels(topic, outcome).inc(number)
        for each in refused:
            self._refused.labels(topic, each.reason).inc()

    def lag(self, lag: Mapping[tuple[str, int], int]) -> None:
        """How far behind each partition is."""
        for (topic, part), offsets in lag.items():
            self._lag.labels(topic, str(part)).set(offsets)
