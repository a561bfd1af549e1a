"""How old what is known of a workspace is, in memory."""

from collections.abc import Mapping

from moorage.permissions.freshness import Freshness, freshness_of, own_bounds
from moorage.permissions.memory.intake import MemoryIntake, MemorySources
from moorage.permissions.memory.state import State
from moorage.permissions.records import Workspace


class MemoryFreshness:
    """See Freshnesses."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._sources = MemorySources(state)

    async def of(self, workspace: Workspace | None) -> Freshness:
        """The lanes of the workspace and of the identity topic, and the workspace's pin."""
        lanes, sources = list(self._state.lanes.values()), await self._sources.all()
        if workspace is None:
            return freshness_of(None, lanes, sources, (), None)
        pinned = await MemoryIntake(self._state).pins(workspace.alias)
        return freshness_of(workspace, lanes, sources, self._sources.feeders(workspace), pinned)

    async def bounds(self, lanes: Mapping[str, int]) -> Mapping[str, Mapping[str, float]]:
        """The bounds of these lanes' sources, where those have their own."""
        return own_bounds(lanes, {each.id: each.spec.bounds for each in await self._sources.all() if each.spec.bounds})
