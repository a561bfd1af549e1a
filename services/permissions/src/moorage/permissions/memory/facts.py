"""Facts by slot in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from moorage.access.frames import EntityKind
from moorage.access.image import NodeState
from moorage.access.principal import Bound, PrincipalKind
from moorage.access.role import Membership, Role
from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.fact_data import FactData
from moorage.events.identity_facts import CredentialSet
from moorage.events.node_facts import RepositorySet
from moorage.events.plain_edges import PlainEdge
from moorage.permissions import rows
from moorage.permissions.edge_columns import Edges, Ends
from moorage.permissions.folding import Placed
from moorage.permissions.log_rows import Numbered
from moorage.permissions.memory.state import Settings, Stamp, State, Stored, StoredRepository
from moorage.permissions.records import Credential, Workspace
from moorage.permissions.slots import Aliases, Entity, Slot, Table, workspace
from moorage.permissions.stores import KeptRepository
from moorage.permissions.versions import Held

TRANSFERRED_RANK = 2
"""How much a repository permits that has gone elsewhere (moorage.events.fact_data)."""


class MemoryFacts:
    """See FactStore."""

    def __init__(self, state: State, log: Numbered) -> None:
        self._state = state
        self._log = log

    async def intern(self, entities: Collection[Entity]) -> Aliases:
        """The aliases, workspaces first."""
        outer = {workspace(each.workspace) for each in entities if each.workspace} | {
            each for each in entities if each.workspace is None
        }
        inner = {each for each in entities if each.workspace is not None}
        for entity in [*sorted(outer, key=_order), *sorted(inner, key=_order)]:
            if entity not in self._state.aliases:
                alias = len(self._state.aliases) + 1
                self._state.aliases[entity] = alias
                self._state.entities[alias] = entity
                ws = self._state.aliases[workspace(entity.workspace)] if entity.workspace else 0
                self._log.append(rows.intern_row(entity, alias, ws))
        return {each: self._state.aliases[each] for each in outer | inner}

    async def named(self, home: UUID | None, kind: str, ids: Sequence[str]) -> list[int]:
        """The aliases of what is named by these texts."""
        entities = [Entity(EntityKind(kind), home, UUID(each)) for each in ids]
        aliases = await self.intern(set(entities))
        return [aliases[each] for each in entities]

    async def held_edges(self, edges: Edges) -> Mapping[Ends, Held]:
        """What is stored of them."""
        held = await self.held(edges.slots())
        return {(slot.a, slot.b): each for slot, each in held.items()}

    async def put_edges(self, edges: Edges, before: Mapping[Ends, Held], at: datetime) -> None:
        """Stores them as all other facts."""
        for told, slot in zip(edges.told, edges.slots(), strict=True):
            held = Held(told.version, told.rank, told.rank)
            self._state.facts[slot] = self._stamped(slot, _data(told), held, told.event, edges.source, at)

    async def held(self, slots: Collection[Slot]) -> Mapping[Slot, Held]:
        """What is stored in these slots."""
        return {slot: self._state.facts[slot].held for slot in slots if slot in self._state.facts}

    async def put(self, placed: Sequence[Placed], aliases: Aliases, source: int, at: datetime) -> None:
        """Stores the facts."""
        for each in placed:
            data = each.fact.data
            self._state.facts[each.slot] = self._stamped(each.slot, data, each.held, each.fact.event.id, source, at)
            if isinstance(data, RepositorySet):
                self._put_repository(each.slot, data, each.held.version, source)
            if isinstance(data, CredentialSet):
                self._put_credential(each.slot.a, data, at)

    def _stamped(self, slot: Slot, data: FactData, held: Held, event: str, source: int, at: datetime) -> Stored:
        """A renewal of the version keeps by which event the value was set, since when and by whom."""
        before = self._state.facts.get(slot)
        same = before is not None and before.held.fingerprint == held.fingerprint
        if isinstance(data, RepositorySet) and slot.a in self._state.repositories:
            same = same and self._state.repositories[slot.a].state is data.state
        if before is not None and same:
            return Stored(data, held, before.event, source, stamp=before.stamp)
        return Stored(data, held, event, source, stamp=Stamp(self._log.frame, at, data.by))

    def _put_repository(self, slot: Slot, data: RepositorySet, version: int, source: int) -> None:
        before = self._state.repositories.get(slot.a)
        self._state.repositories[slot.a] = StoredRepository(
            slot.ws,
            data.id,
            data.project or (before.project if before else None),
            data.slug or (before.slug if before else None),
            data.state,
            version,
            source,
        )

    def _put_credential(self, alias: int, data: CredentialSet, at: datetime) -> None:
        known = self._state.credentials.get(data.id)
        if known and data.id in self._state.digests.values():
            active = known.active and data.state == "active"
            self._state.credentials[data.id] = replace(known, active=active)
            return
        bound = Bound(data.bound.kind, frozenset({data.bound.id})) if data.bound else None
        self._state.credentials[data.id] = Credential(
            alias=alias,
            id=data.id,
            kind=PrincipalKind.USER,
            user=data.user,
            name="",
            scopes=data.scopes,
            bound=bound,
            granted_role=None,
            operator=False,
            active=data.state == "active" and data.id not in self._state.revoked_here,
            expires=data.expires,
            created_at=known.created_at if known else at,
        )

    async def dispute(self, slots: Collection[Slot]) -> None:
        """Marks what is stored."""
        for slot in slots:
            self._state.facts[slot] = replace(self._state.facts[slot], disputed=True)

    async def repositories(self, aliases: Collection[int]) -> Mapping[int, KeptRepository]:
        """What is stored of these repositories."""
        return {alias: self._kept(alias) for alias in aliases if alias in self._state.repositories}

    def _kept(self, alias: int) -> KeptRepository:
        found = self._state.repositories[alias]
        project = None
        if found.project:
            entity = Entity(EntityKind.PROJECT, self._state.entities[found.ws].id, found.project)
            project = self._state.aliases[entity]
        return KeptRepository(alias, found.state, project, found.slug)

    async def supersede(self, repositories: Collection[UUID], source: int) -> Sequence[tuple[UUID, Slot]]:
        """Rows that are live no longer."""
        return [(each, slot) for each in repositories for slot in self._supersede(each, source)]

    def _supersede(self, repository: UUID, source: int) -> Sequence[Slot]:
        told = {
            alias: each
            for alias, each in self._state.repositories.items()
            if each.id == repository and each.source == source and each.state is not NodeState.TRANSFERRED
        }
        newest = max((each.version for each in told.values()), default=0)
        gone = {alias: each for alias, each in told.items() if each.version < newest and each.state.carries_roles}
        for alias, each in gone.items():
            self._state.repositories[alias] = replace(each, state=NodeState.TRANSFERRED)
            slot = Slot(Table.REPOSITORY, each.ws, alias)
            stored = self._state.facts[slot]
            self._state.facts[slot] = replace(stored, held=stored.held._replace(rank=TRANSFERRED_RANK))
        return [Slot(Table.REPOSITORY, each.ws, alias) for alias, each in gone.items()]

    async def set_workspace(self, workspace: Workspace) -> None:
        """Our own settings."""
        self._state.stamps[workspace.alias] = Stamp(self._log.frame, None, self._log.by)
        self._state.settings[workspace.alias] = Settings(workspace.allow_public, workspace.publishing)


def _data(told: PlainEdge) -> FactData:
    """The fact that the edge was read from."""
    said: dict[str, Any] = {"workspace": told.workspace, "version": told.version, "by": told.by}
    if not told.b_kind:
        return WorkspaceMemberSet(**said, user=told.a, role=Membership(told.rank).name.lower())
    if told.a_kind == EntityKind.USER:
        return GroupMemberSet(**said, user=told.a, group=told.b, present=bool(told.rank))
    ends: dict[str, Any] = {"node": {"kind": told.a_kind, "id": told.a}, "grantee": {"kind": told.b_kind, "id": told.b}}
    return GrantSet(**said, **ends, role=Role(told.rank).name.lower())


def _order(entity: Entity) -> tuple[str, str]:
    return entity.kind.value, str(entity.id)
