"""Where a fact is kept: a table, and two aliases that are its key there."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
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


class Entity(NamedTuple):
    """Something with a uuid. `workspace` is None for what belongs to none: workspaces, users, credentials."""

    kind: EntityKind
    workspace: UUID | None
    id: UUID


Aliases = Mapping[Entity, int]
"""The integers of entities; complete for the entities that were interned."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A fact's place: `ws` is the workspace's alias or 0; `b` is 0 where one alias is enough."""

    table: Table
    ws: int
    a: int
    b: int = 0


def workspace(id: UUID) -> Entity:
    """The workspace as an entity."""
    return Entity(EntityKind.WORKSPACE, None, id)


def user(id: UUID) -> Entity:
    """The user as an entity."""
    return Entity(EntityKind.USER, None, id)


def entities(data: FactData) -> list[Entity]:
    """Everything a fact names and needs an alias for, its own workspace first."""
    ws = data.workspace
    own = [workspace(ws)] if ws else []
    match data:
        case ProjectSet():
            return [*own, Entity(EntityKind.PROJECT, ws, data.id)]
        case RepositorySet():
            project = [Entity(EntityKind.PROJECT, ws, data.project)] if data.project else []
            return [*own, *project, Entity(EntityKind.REPOSITORY, ws, data.id)]
        case EnvironmentSet():
            repository = Entity(EntityKind.REPOSITORY, ws, data.repository)
            return [*own, repository, Entity(EntityKind.ENVIRONMENT, ws, data.id)]
        case GroupSet():
            return [*own, Entity(EntityKind.GROUP, ws, data.id)]
        case GroupMemberSet():
            return [*own, Entity(EntityKind.GROUP, ws, data.group), user(data.user)]
        case WorkspaceMemberSet():
            return [*own, user(data.user)]
        case GrantSet():
            return [*own, _node(data), _grantee(data)]
        case UserSet():
            return [user(data.id)]
        case CredentialSet():
            owner = [user(data.user)] if data.user else []
            return [*owner, Entity(EntityKind.CREDENTIAL, None, data.id)]
        case _:
            return own


def slot_of(data: FactData, aliases: Aliases) -> Slot:
    """The fact's place. Raises TypeError for a signal, which has none."""
    ws = aliases[workspace(data.workspace)] if data.workspace else 0
    match data:
        case WorkspaceSet():
            return Slot(Table.WORKSPACE, 0, ws)
        case ProjectSet():
            return Slot(Table.PROJECT, ws, aliases[entities(data)[-1]])
        case RepositorySet():
            return Slot(Table.REPOSITORY, ws, aliases[entities(data)[-1]])
        case EnvironmentSet():
            return Slot(Table.ENVIRONMENT, ws, aliases[entities(data)[-1]])
        case GroupSet():
            return Slot(Table.GROUP, ws, aliases[entities(data)[-1]])
        case GroupMemberSet():
            group = Entity(EntityKind.GROUP, data.workspace, data.group)
            return Slot(Table.GROUP_MEMBER, ws, aliases[user(data.user)], aliases[group])
        case WorkspaceMemberSet():
            return Slot(Table.WORKSPACE_MEMBER, ws, aliases[user(data.user)])
        case GrantSet():
            return Slot(Table.GRANT, ws, aliases[_node(data)], aliases[_grantee(data)])
        case UserSet():
            return Slot(Table.USER, 0, aliases[user(data.id)])
        case CredentialSet():
            return Slot(Table.CREDENTIAL, 0, aliases[entities(data)[-1]])
        case _:
            raise TypeError(f"{type(data).__name__} is not kept")


def _node(data: GrantSet) -> Entity:
    if data.node.kind == "workspace":
        return workspace(data.node.id)
    return Entity(EntityKind(data.node.kind), data.workspace, data.node.id)


def _grantee(data: GrantSet) -> Entity:
    if data.grantee.kind == "user":
        return user(data.grantee.id)
    return Entity(EntityKind.GROUP, data.workspace, data.grantee.id)
