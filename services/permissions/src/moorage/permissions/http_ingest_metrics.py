"""What ingest over HTTP counts, for Prometheus, by source; how far behind a source is, its lane's staleness tells."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from moorage.access.problems import FactsRefused
from moorage.access.wire import IngestAnswer

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class HttpIngestMetrics:
    """One for each service. Sources are declared by the operator, so there are few."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._facts = Counter(
            "moorage_permissions_http_ingest_facts",
            "Facts that came over HTTP, by what became of them.",
            ["source", "outcome"],
            registry=registry,
        )
        self._refused = Counter(
            "moorage_permissions_http_ingest_refused",
            "Lines that were refused; those of continuous sources became dead letters.",
            ["source", "reason"],
            registry=registry,
        )
        self._seconds = Histogram(
            "moorage_permissions_http_ingest_batch_seconds",
            "How long a batch took, with the wait for its turn, whatever became of it.",
            ["source"],
            buckets=_SECONDS,
            registry=registry,
        )

    @contextmanager
    def taking(self, source: str) -> Iterator[None]:
        """Around a batch."""
        try:
            with self._seconds.labels(source).time():
                yield
        except FactsRefused as refused:
            self._lines(source, refused.members.get("refused", ()))
            raise

    def took(self, source: str, told: IngestAnswer) -> None:
        """A batch was applied."""
        for outcome, number in (
            ("applied", told.applied),
            ("unchanged", told.unchanged),
            ("stale_dropped", told.stale_dropped),
            ("conflict", told.conflicts),
        ):
            self._facts.labels(source, outcome).inc(number)
        self._lines(source, told.refused)

    def _lines(self, source: str, refused: Sequence[Any]) -> None:
        for each in refused:
            self._refused.labels(source, each["reason"]).inc()
