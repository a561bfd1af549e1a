"""Where a fact is kept: a table, and two aliases that are its key there.

Every fact comes by here several times, so what is looked up by is made of plain integers and texts.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from moorage.access.frames import EntityKind
from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.fact_data import FactData
from moorage.events.identity_facts import CredentialSet, UserSet
from moorage.events.node_facts import EnvironmentSet, GroupSet, ProjectSet, RepositorySet, WorkspaceSet


class Table(StrEnum):
    """The tables of facts, in the order in which a batch is written."""

    WORKSPACE = "workspace"
    PROJECT = "project"
    REPOSITORY = "repository"
    ENVIRONMENT = "environment"
    GROUP = "group"
    USER = "user"
    CREDENTIAL = "credential"
    GROUP_MEMBER = "group_member"
    WORKSPACE_MEMBER = "workspace_member"
    GRANT = "grant"

    # An enumeration hashes its members' names anew each time.
    __hash__ = str.__hash__


class Entity(tuple[str, int, int]):
    """Something with a uuid. `workspace` is None for what belongs to none: workspaces, users, credentials."""

    __slots__ = ()

    def __new__(cls, kind: EntityKind, workspace: UUID | None, id: UUID) -> Self:
        return super().__new__(cls, (kind.value, _NOWHERE if workspace is None else workspace.int, id.int))

    @property
    def kind(self) -> EntityKind:
        """What it is."""
        return EntityKind(self[0])

    @property
    def workspace(self) -> UUID | None:
        """Where it belongs."""
        return None if self[1] == _NOWHERE else UUID(int=self[1])

    @property
    def id(self) -> UUID:
        """Its uuid."""
        return UUID(int=self[2])

    @property
    def place(self) -> "Place":
        """What it is, and where: all but its uuid."""
        return self[:2]

    @property
    def text(self) -> str:
        """Its uuid as we spell it."""
        digits = f"{self[2]:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    @property
    def is_global(self) -> bool:
        """Whether it belongs to no workspace."""
        return self[1] == _NOWHERE

    @property
    def home(self) -> "Entity":
        """The workspace where it belongs, as an entity; to be asked of what is not global."""
        return _bare(Entity, (_WORKSPACE, _NOWHERE, self[1]))


Place = tuple[str, int]
"""A kind of entities in a workspace (its uuid as an integer), or of those that belong to none."""

_NOWHERE: Final = -1
_WORKSPACE: Final = EntityKind.WORKSPACE.value
_USER: Final = EntityKind.USER.value
_PROJECT: Final = EntityKind.PROJECT.value
_REPOSITORY: Final = EntityKind.REPOSITORY.value
_ENVIRONMENT: Final = EntityKind.ENVIRONMENT.value
_GROUP: Final = EntityKind.GROUP.value
_IN_CREDENTIAL: Final = Table.CREDENTIAL
_IN_ENVIRONMENT: Final = Table.ENVIRONMENT
_IN_GRANT: Final = Table.GRANT
_IN_GROUP: Final = Table.GROUP
_IN_GROUP_MEMBER: Final = Table.GROUP_MEMBER
_IN_PROJECT: Final = Table.PROJECT
_IN_REPOSITORY: Final = Table.REPOSITORY
_IN_USER: Final = Table.USER
_IN_WORKSPACE: Final = Table.WORKSPACE
_IN_WORKSPACE_MEMBER: Final = Table.WORKSPACE_MEMBER
# Makes an entity of its integers, three times as fast as its class does.
_bare: Final[Callable[[type[Entity], tuple[str, int, int]], Entity]] = tuple.__new__


Aliases = Mapping[Entity, int]
"""The integers of entities; complete for the entities that were interned."""


class Slot(NamedTuple):
    """A fact's place: `ws` is the workspace's alias or 0; `b` is 0 where one alias is enough."""

    table: Table
    ws: int
    a: int
    b: int = 0


Names = tuple[Table, Entity | None, Entity, Entity | None, tuple[Entity, ...]]
"""What a fact is about: its table, its workspace, what its place is made of (one or two), and what else it names."""


def workspace(id: UUID) -> Entity:
    """The workspace as an entity."""
    return _bare(Entity, (_WORKSPACE, _NOWHERE, id.int))


def place_of(kind: str, workspace: UUID | None) -> Place:
    """The place of what is named by its kind and workspace."""
    return kind, _NOWHERE if workspace is None else workspace.int


def is_global(place: Place) -> bool:
    """Whether what is there belongs to no workspace."""
    return place[1] == _NOWHERE


def user(id: UUID) -> Entity:
    """The user as an entity."""
    return _bare(Entity, (_USER, _NOWHERE, id.int))


def _within(ws: UUID, kind: str, id: UUID) -> Entity:
    return _bare(Entity, (kind, ws.int, id.int))


def entities(data: FactData) -> list[Entity]:
    """Everything a fact names and needs an alias for, its own workspace first."""
    naming = _NAMING.get(type(data))
    if naming is None:
        return [workspace(data.workspace)] if data.workspace else []
    _, ws, a, b, beside = naming(data)
    found = [a] if ws is None or ws is a else [ws, a]
    if b is not None:
        found.append(b)
    return [*found, *beside] if beside else found


def slot_of(data: FactData, aliases: Aliases) -> Slot:
    """The fact's place. Raises TypeError for a signal, which has none."""
    naming = _NAMING.get(type(data))
    if naming is None:
        raise TypeError(f"{type(data).__name__} is not kept")
    table, ws, a, b, _ = naming(data)
    return Slot(table, aliases[ws] if ws is not None else 0, aliases[a], aliases[b] if b is not None else 0)


def _workspace(data: WorkspaceSet) -> Names:
    return _IN_WORKSPACE, None, workspace(data.workspace), None, ()


def _project(data: ProjectSet) -> Names:
    return _IN_PROJECT, workspace(data.workspace), _within(data.workspace, _PROJECT, data.id), None, ()


def _repository(data: RepositorySet) -> Names:
    ws = data.workspace
    project = (_within(ws, _PROJECT, data.project),) if data.project else ()
    return _IN_REPOSITORY, workspace(ws), _within(ws, _REPOSITORY, data.id), None, project


def _environment(data: EnvironmentSet) -> Names:
    ws = data.workspace
    repository = _within(ws, _REPOSITORY, data.repository)
    return _IN_ENVIRONMENT, workspace(ws), _within(ws, _ENVIRONMENT, data.id), None, (repository,)


def _group(data: GroupSet) -> Names:
    return _IN_GROUP, workspace(data.workspace), _within(data.workspace, _GROUP, data.id), None, ()


def _group_member(data: GroupMemberSet) -> Names:
    group = _within(data.workspace, _GROUP, data.group)
    return _IN_GROUP_MEMBER, workspace(data.workspace), user(data.user), group, ()


def _workspace_member(data: WorkspaceMemberSet) -> Names:
    return _IN_WORKSPACE_MEMBER, workspace(data.workspace), user(data.user), None, ()


def _grant(data: GrantSet) -> Names:
    ws, node, grantee = data.workspace, data.node, data.grantee
    of = workspace(ws)
    on = of if node.kind == "workspace" else _within(ws, node.kind, node.id)
    to = user(grantee.id) if grantee.kind == "user" else _within(ws, _GROUP, grantee.id)
    return _IN_GRANT, of, on, to, ()


def _user(data: UserSet) -> Names:
    return _IN_USER, None, user(data.id), None, ()


def _credential(data: CredentialSet) -> Names:
    owner = (user(data.user),) if data.user else ()
    return _IN_CREDENTIAL, None, Entity(EntityKind.CREDENTIAL, None, data.id), None, owner


# By exact type: asking a model whether it is an instance of another one costs more than all the rest.
_NAMING: Final[Mapping[type[FactData], Callable[[Any], Names]]] = {
    WorkspaceSet: _workspace,
    ProjectSet: _project,
    RepositorySet: _repository,
    EnvironmentSet: _environment,
    GroupSet: _group,
    GroupMemberSet: _group_member,
    WorkspaceMemberSet: _workspace_member,
    GrantSet: _grant,
    UserSet: _user,
    CredentialSet: _credential,
}
