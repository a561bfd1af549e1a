"""The rows of the change stream and of snapshots, from facts and records (moorage.access.frames)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from moorage.access.frames import EntityKind, ImageRow, Row, RowKind
from moorage.access.image import ImageState, NodeState
from moorage.access.publisher_body import PublisherBody, written
from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.fact_data import FactData, NodeData
from moorage.events.identity_facts import CredentialSet, UserSet
from moorage.events.node_facts import EnvironmentSet, GroupSet, ProjectSet, RepositorySet
from moorage.permissions.edge_columns import Edges
from moorage.permissions.records import Image, Workspace
from moorage.permissions.slots import Aliases, Entity, Slot, Table

STATE_CODES: Final = {
    NodeState.ACTIVE: 1,
    NodeState.ARCHIVED: 2,
    NodeState.DELETED: 3,
    NodeState.TRANSFERRED: 4,
    NodeState.SUSPENDED: 5,
}
STATES: Final = {code: state for state, code in STATE_CODES.items()}
_INTERN: Final = int(RowKind.INTERN)
_USER_GROUP: Final = int(RowKind.USER_GROUP)
_GRANT_KINDS: Final = {
    ("group", "repository"): RowKind.GROUP_REPOSITORY,
    ("user", "repository"): RowKind.USER_REPOSITORY,
    ("group", "project"): RowKind.GROUP_PROJECT,
    ("user", "project"): RowKind.USER_PROJECT,
}


def intern_row(entity: Entity, alias: int, ws: int) -> Row:
    """The alias of an entity; `ws` is its workspace's alias or 0."""
    return named_row(entity[0], entity.text, alias, ws)


def named_row(kind: str, text: str, alias: int, ws: int) -> Row:
    """The alias of an entity, by its kind and the text of its uuid."""
    return (_INTERN, ws, alias, 0, 0, 0, {"kind": kind, "uuid": text})


def grant_row(ws: int, node_kind: str, node: int, grantee_kind: str, grantee: int, role: int, version: int) -> Row:
    """A grant on a repository or project, or a group's ownership of the workspace."""
    if node_kind == "workspace":
        return _row(RowKind.WORKSPACE_ROLE, ws, grantee, 1, role, version)
    return _row(_GRANT_KINDS[grantee_kind, node_kind], ws, grantee, node, role, version)


def membership_row(ws: int, usr: int, role: int, version: int) -> Row:
    """What the workspace calls a user."""
    return _row(RowKind.WORKSPACE_ROLE, ws, usr, 0, role, version)


def group_row(ws: int, usr: int, group: int, present: bool, version: int) -> Row:
    """Whether a user is in a group."""
    return _row(RowKind.USER_GROUP, ws, usr, group, int(present), version)


def principal_row(usr: int, account: str, active: bool, version: int) -> Row:
    """A user."""
    return _row(RowKind.PRINCIPAL, 0, usr, 0, int(active), version, {"account": account})


def node_row(ws: int, node: int, parent: int, state: int, version: int, kind: EntityKind, slug: str) -> Row:
    """A project, repository, environment or group."""
    return _row(RowKind.NODE, ws, node, parent, state, version, {"kind": kind.value, "slug": slug})


def credential_row(credential: int, usr: int, active: bool, expires: datetime | None, version: int = 0) -> Row:
    """A credential."""
    extra = {"expires": expires.isoformat() if expires else None}
    return _row(RowKind.CREDENTIAL, 0, credential, usr, int(active), version, extra)


def workspace_row(found: Workspace) -> Row:
    """A workspace and its settings."""
    extra = {
        "slug": found.slug,
        "allow_public": found.allow_public,
        "default_push_policy": found.publishing.policy.value,
        "default_publishers": written(found.publishing.publishers),
        "pipeline_create": found.publishing.pipeline_create,
    }
    return _row(RowKind.WORKSPACE, 0, found.alias, 0, STATE_CODES[found.state], found.version, extra)


def with_lanes(row: Row, lanes: Sequence[str]) -> Row:
    """A workspace's row that also says by which lanes its facts arrive now."""
    return (*row[:6], {**(row[6] if len(row) == 7 else {}), "lanes": list(lanes)})


def pin_row(ws: int, since: datetime | None) -> Row:
    """A workspace whose freshness is held since then, or no longer."""
    return _row(RowKind.PIN, ws, 0, 0, int(since is not None), 0, {"since": since.isoformat() if since else None})


def image_row(image: Image) -> Row:
    """An image record as a whole."""
    record = image.record
    says = ImageRow(
        name=record.name,
        visibility=record.visibility,
        push_policy=record.push_policy,
        state=record.state,
        link_gen=record.link_gen,
        acl_seq=record.acl_seq,
        deadline=_text(record.deadline),
        pull_grace_until=_text(record.pull_grace_until),
        consumer_repositories=sorted(map(str, record.consumer_repositories)),
        admin_override=record.admin_override,
        publishers=list(map(PublisherBody.of, record.publishers)),
    )
    present = int(record.state is not ImageState.DELETED)
    extra = says.model_dump(mode="json")
    return _row(RowKind.IMAGE, image.workspace_alias, image.alias, image.repository.alias, present, 0, extra)


def fact_row(data: FactData, slot: Slot, aliases: Aliases, version: int) -> Row:
    """The row that tells readers of a fact; workspaces, whose row holds settings as well, have `workspace_row`."""
    row = _ROWS.get(type(data))
    if row is None:
        raise TypeError(f"{type(data).__name__} has no row of its own")
    return row(data, slot, aliases, version)


def _group_member(data: GroupMemberSet, slot: Slot, aliases: Aliases, version: int) -> Row:
    return (_USER_GROUP, slot.ws, slot.a, slot.b, int(data.present), version)


def _grant(data: GrantSet, slot: Slot, aliases: Aliases, version: int) -> Row:
    return grant_row(slot.ws, data.node.kind, slot.a, data.grantee.kind, slot.b, data.granted, version)


def _workspace_member(data: WorkspaceMemberSet, slot: Slot, aliases: Aliases, version: int) -> Row:
    return membership_row(slot.ws, slot.a, data.membership, version)


def _user(data: UserSet, slot: Slot, aliases: Aliases, version: int) -> Row:
    return principal_row(slot.a, data.account, data.active, version)


def _project(data: ProjectSet, slot: Slot, aliases: Aliases, version: int) -> Row:
    return _node(data, slot, 0, version, EntityKind.PROJECT, data.key_)


def _repository(data: RepositorySet, slot: Slot, aliases: Aliases, version: int) -> Row:
    parent = aliases[Entity(EntityKind.PROJECT, data.workspace, data.project)] if data.project else 0
    return _node(data, slot, parent, version, EntityKind.REPOSITORY, data.slug or "")


def _environment(data: EnvironmentSet, slot: Slot, aliases: Aliases, version: int) -> Row:
    parent = aliases[Entity(EntityKind.REPOSITORY, data.workspace, data.repository)]
    return _node(data, slot, parent, version, EntityKind.ENVIRONMENT, data.name)


def _group(data: GroupSet, slot: Slot, aliases: Aliases, version: int) -> Row:
    return _node(data, slot, 0, version, EntityKind.GROUP, data.slug)


def _credential(data: CredentialSet, slot: Slot, aliases: Aliases, version: int) -> Row:
    usr = aliases[Entity(EntityKind.USER, None, data.user)] if data.user else 0
    return credential_row(slot.a, usr, data.state == "active", data.expires, version)


# By exact type: asking a model whether it is an instance of another one costs more than all the rest.
_ROWS: Final[Mapping[type[FactData], Callable[[Any, Slot, Aliases, int], Row]]] = {
    GroupMemberSet: _group_member,
    GrantSet: _grant,
    WorkspaceMemberSet: _workspace_member,
    UserSet: _user,
    ProjectSet: _project,
    RepositorySet: _repository,
    EnvironmentSet: _environment,
    GroupSet: _group,
    CredentialSet: _credential,
}


def edge_rows(edges: Edges) -> list[Row]:
    """The rows of edges; a grant's tells who first."""
    first, ws = edges.told[0], edges.ws
    pairs = zip(edges.told, edges.ends, strict=True)
    if edges.table is Table.GRANT:
        kind = int(_GRANT_KINDS[first.b_kind, first.a_kind])
        return [(kind, ws, b, a, told.rank, told.version) for told, (a, b) in pairs]
    kind = _USER_GROUP if edges.table is Table.GROUP_MEMBER else int(RowKind.WORKSPACE_ROLE)
    return [(kind, ws, a, b, told.rank, told.version) for told, (a, b) in pairs]


def _node(data: NodeData, slot: Slot, parent: int, version: int, kind: EntityKind, slug: str) -> Row:
    return node_row(slot.ws, slot.a, parent, STATE_CODES[data.state], version, kind, slug)


def _row(
    kind: RowKind, ws: int, a: int, b: int = 0, value: int = 0, version: int = 0, extra: dict[str, Any] | None = None
) -> Row:
    if extra is None:
        return (int(kind), ws, a, b, int(value), version)
    return (int(kind), ws, a, b, int(value), version, extra)


def _text(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
