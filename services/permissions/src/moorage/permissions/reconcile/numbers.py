"""What `/metrics` tells of reconciliation: snapshots under way, sweeps that wait for a person, what is held (§4)."""

from collections import Counter

from prometheus_client import CollectorRegistry, Gauge

from moorage.permissions.ports import View
from moorage.permissions.reconcile_stores import RunState


class ReconcileNumbers:
    """Numbers of the last look."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._runs = Gauge(
            "moorage_permissions_snapshots", "Snapshots of sources under way, by state.", ["state"], registry=registry
        )
        self._pins = Gauge(
            "moorage_permissions_pins", "Workspaces and lanes whose freshness is held.", ["of"], registry=registry
        )

    async def look(self, view: View) -> None:
        """Takes the numbers."""
        states = Counter(run.state for run in await view.runs.open())
        for state in RunState:
            if state.open:
                self._runs.labels(state.value).set(states[state])
        workspaces, lanes = await view.letters.pins()
        self._pins.labels("workspace").set(workspaces)
        self._pins.labels("lane").set(lanes)
