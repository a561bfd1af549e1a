"""Workspaces, repositories and users in memory."""

from uuid import UUID

from moorage.access.frames import EntityKind
from moorage.access.image import NodeState
from moorage.events.identity_facts import UserSet
from moorage.events.node_facts import EnvironmentSet, WorkspaceSet
from moorage.permissions.memory.state import Settings, State, Stored
from moorage.permissions.records import Environment, Repository, User, Workspace
from moorage.permissions.slots import Entity, Slot, Table, workspace


class MemoryHierarchy:
    """See Hierarchy."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def workspace(self, slug: str) -> Workspace | None:
        """The workspace of this name."""
        named = [each for each in workspaces(self._state) if each.slug == slug]
        return min(named, key=lambda each: (each.state is NodeState.DELETED, each.alias), default=None)

    async def workspace_by_id(self, id: UUID) -> Workspace | None:
        """The workspace with this id."""
        alias = self._state.aliases.get(workspace(id), 0)
        stored = self._state.facts.get(Slot(Table.WORKSPACE, 0, alias))
        return _workspace(self._state, alias, stored) if stored else None

    async def repository(self, workspace: int, id: UUID) -> Repository | None:
        """The repository with this id."""
        entity = Entity(EntityKind.REPOSITORY, self._state.entities[workspace].id, id)
        return repository(self._state, self._state.aliases.get(entity, 0))

    async def repository_by_slug(self, workspace: int, slug: str) -> Repository | None:
        """The live repository of this name, unless two have it."""
        found = [
            repository(self._state, alias)
            for alias, each in self._state.repositories.items()
            if each.ws == workspace and each.slug == slug and self._state.node_state(alias).carries_roles
        ]
        return found[0] if len(found) == 1 else None

    async def environment(self, workspace: int, id: UUID) -> Environment | None:
        """The environment with this id."""
        entity = Entity(EntityKind.ENVIRONMENT, self._state.entities[workspace].id, id)
        stored = self._state.facts.get(Slot(Table.ENVIRONMENT, workspace, self._state.aliases.get(entity, 0)))
        data = stored.data if stored else None
        return Environment(data.id, data.repository, data.state) if isinstance(data, EnvironmentSet) else None

    async def user(self, id: UUID) -> User | None:
        """The user with this id."""
        return next((each for each in users(self._state) if each.id == id), None)

    async def user_by_alias(self, alias: int) -> User | None:
        """The user with this alias."""
        return next((each for each in users(self._state) if each.alias == alias), None)

    async def user_by_account(self, account: str) -> User | None:
        """The active user of this account name, or the only one."""
        named = [each for each in users(self._state) if each.account == account]
        active = [each for each in named if each.active] or named
        return active[0] if len(active) == 1 else None


def workspaces(state: State) -> list[Workspace]:
    """All workspaces."""
    return [_workspace(state, slot.a, stored) for slot, stored in state.facts.items() if slot.table is Table.WORKSPACE]


def users(state: State) -> list[User]:
    """All users."""
    return [
        User(slot.a, stored.data.id, stored.data.account, stored.data.active)
        for slot, stored in state.facts.items()
        if isinstance(stored.data, UserSet)
    ]


def repository(state: State, alias: int) -> Repository | None:
    """The repository with this alias."""
    found = state.repositories.get(alias)
    return Repository(alias, found.id, found.slug, found.project, state.node_state(alias)) if found else None


def _workspace(state: State, alias: int, stored: Stored) -> Workspace:
    data, settings = stored.data, state.settings.get(alias, Settings())
    if not isinstance(data, WorkspaceSet):
        raise TypeError(stored)
    return Workspace(
        alias,
        data.workspace,
        data.slug,
        data.state,
        settings.allow_public,
        settings.publishing,
        stored.held.version,
        stored.source,
    )
