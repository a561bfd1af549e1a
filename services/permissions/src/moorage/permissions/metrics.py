"""What permissions tells `/metrics` of how far everything has come (authorization.md §4)."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from moorage.access.audit import AuditRecord
from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.permissions.fleet_members import Fleet
from moorage.runtime.outgoing import Outgoing


class ProtocolNumbers(Collector):
    """Numbers of the last look at lanes and fleet, read when they are asked for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lanes: dict[str, float] = {}
        self.fleet: Fleet | None = None
        self.head = ORIGIN
        self.readers = Gauge("moorage_permissions_stream_readers", "Readers of the change stream.", registry=registry)
        self.dropped = Counter(
            "moorage_permissions_slow_readers", "Readers that were disconnected for being slow.", registry=registry
        )
        self.unavailable = Counter(
            "moorage_permissions_unavailable", "Requests answered 503, by cause.", ["cause"], registry=registry
        )
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """The numbers of the last look."""
        staleness = GaugeMetricFamily(
            "moorage_permissions_lane_staleness_seconds", "Age of what each lane has told.", labels=["lane"]
        )
        for lane, age in sorted(self.lanes.items()):
            staleness.add_metric([lane], age)
        yield staleness
        yield GaugeMetricFamily("moorage_permissions_head_seq", "The newest position.", value=self.head.seq)
        fleet = self.fleet
        yield GaugeMetricFamily(
            "moorage_permissions_gateways", "Gateways that may decide.", value=len(fleet.members) if fleet else 0
        )
        yield GaugeMetricFamily(
            "moorage_permissions_fleet_minimum_seq", "What every gateway has passed.", value=_seq(fleet, self.head)
        )


class AuditNumbers(Collector):
    """Of the records that permissions itself makes, on their way to the trail."""

    def __init__(self, queue: Outgoing[AuditRecord]) -> None:
        self._queue = queue

    def collect(self) -> Iterator[Metric]:
        """The numbers of now."""
        queue = self._queue
        yield GaugeMetricFamily("moorage_permissions_audit_waiting", "Records that wait to be kept.", value=len(queue))
        yield CounterMetricFamily("moorage_permissions_audit_kept", "Records that were kept.", value=queue.sent)
        yield CounterMetricFamily("moorage_permissions_audit_lost", "Records that nobody keeps.", value=queue.lost)


def _seq(fleet: Fleet | None, head: ConsistencyToken) -> int:
    """Of a gateway in an older epoch nothing of this one is known: 0."""
    minimum = fleet.minimum if fleet else None
    if minimum is None:
        return head.seq
    return minimum.seq if minimum.epoch == head.epoch else 0
