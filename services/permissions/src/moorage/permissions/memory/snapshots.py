"""Snapshots and the log in memory."""

from collections.abc import Mapping, Sequence

from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.access.frames import Delta, EntityKind, Row, RowKind, Snapshot
from moorage.access.image import NodeState
from moorage.access.packed import unpack
from moorage.access.packing import pack
from moorage.access.sums import sum_of
from moorage.events.node_facts import RepositorySet
from moorage.permissions import rows
from moorage.permissions.log_rows import gather
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.memory.hierarchy import users, workspaces
from moorage.permissions.memory.images import MemoryImages
from moorage.permissions.memory.intake import MemoryIntake
from moorage.permissions.memory.state import State
from moorage.permissions.records import Workspace
from moorage.permissions.removals import removals
from moorage.permissions.slots import Entity, Slot, Table


class MemorySnapshots:
    """See Snapshots."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def rows(self, workspace: Workspace | None) -> list[Row]:
        """The rows of a workspace, or of the global part."""
        return self._global() if workspace is None else await self._workspace(workspace)

    async def packed(self, workspace: Workspace | None, at: ConsistencyToken, as_of: Mapping[str, int]) -> bytes:
        """The same, packed; of a workspace without its users."""
        found, ws = await self.rows(workspace), workspace.alias if workspace else 0
        mine = [row for row in found if not ws or row[0] != RowKind.INTERN or row[1] or row[2] == ws]
        return pack(Snapshot(epoch=at.epoch, seq=at.seq, rows=mine, as_of=dict(as_of)), ws)

    async def sum(self, workspace: Workspace) -> int:
        """The sum over the same rows."""
        return sum_of(unpack(await self.packed(workspace, ORIGIN, {})))

    def _global(self) -> list[Row]:
        state = self._state
        return [
            *(rows.intern_row(each, alias, 0) for alias, each in state.entities.items() if each.workspace is None),
            *(rows.workspace_row(each) for each in workspaces(state)),
            *(
                rows.principal_row(each.alias, each.account, each.active, self._version(Table.USER, each.alias))
                for each in users(state)
            ),
            *(
                rows.credential_row(
                    each.alias,
                    state.alias_of_user(each.user),
                    each.active,
                    each.expires,
                    self._version(Table.CREDENTIAL, each.alias),
                )
                for each in state.credentials.values()
            ),
        ]

    async def _workspace(self, found: Workspace) -> list[Row]:
        state, ws = self._state, found.alias
        mine = {slot: stored for slot, stored in state.facts.items() if slot.ws == ws}
        named = {ws} | {alias for slot in mine for alias in (slot.a, slot.b)}
        named |= {alias for alias, each in state.entities.items() if each.workspace == found.id}
        pinned = await MemoryIntake(state).pins(ws)
        return [
            *(self._intern(alias, ws) for alias in sorted(named) if alias),
            rows.workspace_row(found),
            *(self._fact(slot) for slot, stored in mine.items() if stored.held.rank),
            *(rows.image_row(each) for each in await MemoryImages(state).page(ws, "", len(state.images))),
            *([rows.pin_row(ws, pinned)] if pinned else []),
        ]

    def _intern(self, alias: int, ws: int) -> Row:
        entity = self._state.entities[alias]
        return rows.intern_row(entity, alias, ws if entity.workspace else 0)

    def _fact(self, slot: Slot) -> Row:
        stored = self._state.facts[slot]
        kept = self._state.repositories.get(slot.a) if isinstance(stored.data, RepositorySet) else None
        row = rows.fact_row(stored.data, slot, self._state.aliases, stored.held.version)
        if kept is None or kept.state is not NodeState.TRANSFERRED:
            return row
        wanted = Entity(EntityKind.PROJECT, stored.data.workspace, kept.project) if kept.project else None
        project = self._state.aliases[wanted] if wanted else 0
        code = rows.STATE_CODES[kept.state]
        return rows.node_row(slot.ws, slot.a, project, code, row[5], EntityKind.REPOSITORY, kept.slug or "")

    def _version(self, table: Table, alias: int) -> int:
        stored = self._state.facts.get(Slot(table, 0, alias))
        return stored.held.version if stored else 0


class MemoryLog:
    """See Log."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def deltas(self, after: ConsistencyToken, limit: int) -> Sequence[Delta]:
        """Whole frames after the position. Raises PositionUnknown."""
        if after.epoch != self._state.epoch or after.seq > self._state.seq:
            raise PositionUnknown
        if after.seq == self._state.seq:
            return []
        kept = (each.frame for each in self._state.log)
        return gather((each for each in kept if each.last > after.seq > each.first - limit), after, limit)

    async def removals(self, after: int) -> Mapping[int, int]:
        """Removals by the minute."""
        counts: dict[int, int] = {}
        for each in self._state.log:
            if each.frame.first >= after:
                minute = int(each.at.timestamp()) // 60
                counts[minute] = counts.get(minute, 0) + removals(each.frame.rows)
        return counts
