"""What is asked of sources, and what waits on the express lane, in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from moorage.permissions.memory.state import State, StoredRequest
from moorage.permissions.reconcile_stores import Parked
from moorage.permissions.request_book import Wanted
from moorage.permissions.slots import Slot


class MemoryRequests:
    """See RequestBook."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def of(self, source: int, limit: int) -> Sequence[Wanted]:
        """What this source is asked."""
        return [
            Wanted(id, each.kind, self._state.entities[each.workspace].id, each.user, each.repository, each.at)
            for id, each in self._state.requests.items()
            if each.source == source
        ][:limit]

    async def want(
        self, source: int, kind: str, workspace: int, user: UUID | None, repository: UUID | None, at: datetime
    ) -> bool:
        """Asks, once."""
        asked = (source, kind, workspace, user, repository)
        known = {
            (each.source, each.kind, each.workspace, each.user, each.repository)
            for each in self._state.requests.values()
        }
        if asked in known:
            return False
        self._state.requests[max(self._state.requests, default=0) + 1] = StoredRequest(*asked, at)
        return True

    async def done(self, source: int, id: int) -> bool:
        """Forgets a request."""
        if id not in self._state.requests or self._state.requests[id].source != source:
            return False
        del self._state.requests[id]
        return True

    async def answered(self, source: int, workspace: int) -> None:
        """Forgets what was asked about the workspace."""
        for id, each in list(self._state.requests.items()):
            if (each.source, each.workspace) == (source, workspace):
                del self._state.requests[id]


class MemoryParked:
    """See ParkedFacts."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def all(self) -> Sequence[Parked]:
        """Everything that waits."""
        return list(self._state.parked.values())

    async def park(self, facts: Sequence[Parked]) -> None:
        """Keeps them."""
        for each in facts:
            known = self._state.parked.get(each.slot)
            if known is None or known.version < each.version:
                self._state.parked[each.slot] = each

    async def free(self, slots: Mapping[Slot, int]) -> None:
        """Forgets what waits."""
        for slot, version in slots.items():
            known = self._state.parked.get(slot)
            if known is not None and known.version <= version:
                del self._state.parked[slot]
