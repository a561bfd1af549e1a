"""What the gateway tells `/metrics` of its replica: what is loaded, what it takes, and whether it is right."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from moorage.gateway.follower import Follower
from moorage.gateway.sum_check import SumCheck


class LoadingNumbers(Collector):
    """Read where they are kept, when they are asked for."""

    def __init__(self, follower: Follower, sums: SumCheck) -> None:
        self._follower = follower
        self._sums = sums

    def collect(self) -> Iterator[Metric]:
        """The numbers of now."""
        replica, loader = self._follower.replica, self._follower.loader
        loaded, size = (len(replica.loaded), replica.size) if replica else (0, 0)
        yield GaugeMetricFamily("moorage_gateway_replica_workspaces", "Workspaces that are loaded.", value=loaded)
        yield GaugeMetricFamily("moorage_gateway_replica_bytes", "What their facts take, roughly.", value=size)
        yield GaugeMetricFamily(
            "moorage_gateway_replica_left_out", "Workspaces that don't fit into the limit.", value=loader.left_out
        )
        yield CounterMetricFamily("moorage_gateway_replica_loads", "Workspaces loaded so far.", value=loader.loads)
        yield CounterMetricFamily(
            "moorage_gateway_replica_load_seconds", "How long that took together.", value=loader.seconds
        )
        yield CounterMetricFamily(
            "moorage_gateway_replica_frames", "Frames of changes applied.", value=self._follower.frames_applied
        )
        yield CounterMetricFamily(
            "moorage_gateway_replica_compared", "Sums compared with the authority's.", value=self._sums.compared
        )
        yield CounterMetricFamily(
            "moorage_gateway_replica_mismatches", "Sums that were not the authority's.", value=self._sums.mismatches
        )
