"""What the gateway tells `/metrics` of how far its replica has come, and of whom it asks (authorization.md §4)."""

from collections.abc import Iterator
from math import isfinite
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from moorage.access.consistency import ConsistencyToken
from moorage.gateway.enlistment import Enlistment
from moorage.gateway.follower import Follower

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class AskingNumbers:
    """What the live check counts: questions to the authority, confirmations, and requests without an answer."""

    def __init__(self) -> None:
        self._latency = Histogram(
            "moorage_gateway_authority_seconds",
            "How long the authority took to decide.",
            buckets=_SECONDS,
            registry=None,
        )
        self._confirmations = Counter(
            "moorage_gateway_denial_confirmations",
            "Denials that the authority was asked about, by what it said.",
            ["outcome"],
            registry=None,
        )
        self._local_pushes = Counter(
            "moorage_gateway_local_pushes",
            "Pushes of manifests that local facts allowed because the authority was away.",
            registry=None,
        )
        self._unavailable = Counter(
            "moorage_gateway_unavailable",
            "Decisions that nobody could take (503), by cause.",
            ["cause"],
            registry=None,
        )

    def add_to(self, registry: CollectorRegistry) -> None:
        """Lets the registry tell these numbers."""
        for metric in (self._latency, self._confirmations, self._local_pushes, self._unavailable):
            registry.register(metric)

    def asked(self, seconds: float) -> None:
        """The authority has answered."""
        self._latency.observe(seconds)

    def confirmed(self, *, allowed: bool) -> None:
        """A local denial was asked about."""
        self._confirmations.labels("allowed" if allowed else "denied").inc()

    def fell_back(self, *, allowed: bool) -> None:
        """The authority was away, and local facts have decided a push."""
        if allowed:
            self._local_pushes.inc()

    def unavailable(self, cause: str) -> None:
        """Nobody who knows could be asked."""
        self._unavailable.labels(cause).inc()


class ShedNumbers:
    """What was refused because it was too much."""

    def __init__(self) -> None:
        self._shed = Counter(
            "moorage_gateway_shed_requests",
            "Requests refused by a limit: of an address, a principal, its uploads at once, or of all (overload).",
            ["limit"],
            registry=None,
        )

    def add_to(self, registry: CollectorRegistry) -> None:
        """Lets the registry tell these numbers."""
        registry.register(self._shed)

    def shed(self, limit: str) -> None:
        """One request."""
        self._shed.labels(limit).inc()


class ReplicaNumbers(Collector):
    """Read where they are kept, when they are asked for."""

    def __init__(self, follower: Follower, enlistment: Enlistment) -> None:
        self._follower = follower
        self._enlistment = enlistment

    def collect(self) -> Iterator[Metric]:
        """The numbers of now; an age that is not known is not told."""
        ages = GaugeMetricFamily(
            "moorage_gateway_staleness_seconds", "Age of the stream and of what each lane has told.", labels=["lane"]
        )
        for lane, age in sorted(self._follower.all_ages().items()):
            if isfinite(age):
                ages.add_metric([lane], age)
        yield ages
        replica = self._follower.replica
        yield GaugeMetricFamily(
            "moorage_gateway_applied_seq", "The position decided from.", value=replica.seq if replica else 0
        )
        yield GaugeMetricFamily(
            "moorage_gateway_apply_lag", "Changes that are still to be applied.", value=self._follower.lag
        )
        minimum = self._enlistment.minimum
        yield GaugeMetricFamily(
            "moorage_gateway_fleet_minimum_seq",
            "What every gateway has passed, as far as this one was told.",
            value=ConsistencyToken.parse(minimum).seq if minimum else 0,
        )
        yield GaugeMetricFamily(
            "moorage_gateway_enlisted", "Whether the fleet knows this gateway.", value=int(self._enlistment.current)
        )
