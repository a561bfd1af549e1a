"""What the gateway tells `/metrics` of the audit trail and of shadow verification."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from moorage.gateway.audit import Audit
from moorage.gateway.shadow import Shadow


class DecisionNumbers(Collector):
    """Reads the counts where they are kept, when they are asked for."""

    def __init__(self, audit: Audit, shadow: Shadow) -> None:
        self._audit = audit
        self._shadow = shadow

    def collect(self) -> Iterator[Metric]:
        """The numbers of now."""
        queue, shadow = self._audit.queue, self._shadow
        yield GaugeMetricFamily("moorage_audit_waiting", "Records that wait to be sent.", value=len(queue))
        yield CounterMetricFamily("moorage_audit_sent", "Records that permissions has taken.", value=queue.sent)
        yield CounterMetricFamily("moorage_audit_lost", "Records that nobody keeps.", value=queue.lost)
        yield CounterMetricFamily(
            "moorage_audit_refused_writes",
            "Changes that were not let through because they could not be recorded.",
            value=self._audit.writes_refused,
        )
        outcomes = CounterMetricFamily(
            "moorage_shadow_decisions", "Decisions that were asked again at the authority.", labels=["outcome"]
        )
        outcomes.add_metric(["same"], shadow.verified)
        outcomes.add_metric(["mismatch"], shadow.mismatches)
        outcomes.add_metric(["unsettled"], shadow.unsettled)
        yield outcomes
