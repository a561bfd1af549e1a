"""Facts as tables of integers: what rows of the change stream say, ready to be looked up.

Aliases come from one sequence for all kinds of entities, so grantees (users and groups) share a table, and so do nodes
(projects and repositories). UUIDs and names appear only where a request enters.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from moorage.access.frames import EntityKind, ImageRow, Row, RowKind
from moorage.access.image import ImageRecord, ImageState, NodeState, PushPolicy, Visibility
from moorage.access.role import Membership, Role

_STATES: Final = {
    1: NodeState.ACTIVE,
    2: NodeState.ARCHIVED,
    3: NodeState.DELETED,
    4: NodeState.TRANSFERRED,
    5: NodeState.SUSPENDED,
}
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Workspace:
    """An entry of the workspace directory."""

    alias: int
    id: UUID
    slug: str
    state: NodeState
    allow_public: bool


class Node(NamedTuple):
    """A project, repository, environment or group; `parent` is 0 for none."""

    kind: str
    workspace: int
    parent: int
    state: NodeState
    slug: str


class HeldImage(NamedTuple):
    """An image record, and the alias of the repository it is linked to."""

    record: ImageRecord
    repository: int


class Facts:
    """The tables. Rows are applied in stream order, so the last one about a key is the truth."""

    def __init__(self) -> None:
        self.aliases: dict[tuple[int, UUID], int] = {}
        self.uuids: dict[int, UUID] = {}
        self.workspaces: dict[str, Workspace] = {}
        self.nodes: dict[int, Node] = {}
        self.repositories: dict[tuple[int, str], set[int]] = {}
        self.images: dict[tuple[int, str], HeldImage] = {}
        self.groups: dict[int, set[int]] = {}
        self.grants: dict[int, dict[int, Role]] = {}
        self.live_groups: set[int] = set()
        self.members: dict[int, dict[int, Membership]] = {}
        self.owner_groups: dict[int, set[int]] = {}
        self.active: set[int] = set()
        self.revoked: set[int] = set()
        self.pins: dict[int, int] = {}
        self._directory: dict[int, Workspace] = {}
        self._claimants: dict[str, set[int]] = {}
        self._image_names: dict[int, tuple[int, str]] = {}
        self._takes: dict[int, Callable[[Row], None]] = {
            RowKind.INTERN: self._intern,
            RowKind.USER_GROUP: self._user_group,
            RowKind.GROUP_REPOSITORY: self._grant,
            RowKind.USER_REPOSITORY: self._grant,
            RowKind.GROUP_PROJECT: self._grant,
            RowKind.USER_PROJECT: self._grant,
            RowKind.WORKSPACE_ROLE: self._workspace_role,
            RowKind.PRINCIPAL: self._principal,
            RowKind.NODE: self._node,
            RowKind.IMAGE: self._image,
            RowKind.CREDENTIAL: self._credential,
            RowKind.WORKSPACE: self._workspace,
            RowKind.PIN: self._pin,
        }

    def apply(self, row: Row) -> None:
        """Takes one row in; kinds that a newer authority may send are ignored. Raises ValueError, KeyError."""
        take = self._takes.get(row[0])
        if take is not None:
            take(row)

    def alias(self, id: UUID | None, workspace: int = 0) -> int:
        """What stands for the UUID in a workspace, or everywhere; 0 for what no row has told of.

        A repository that moved between workspaces is one UUID, and two entities.
        """
        return self.aliases.get((workspace, id), 0) if id else 0

    def repository_state(self, repository: int) -> NodeState:
        """The repository's state, or that of its project if that one is gone (E2: one fact ends a subtree)."""
        node = self.nodes.get(repository)
        if node is None or node.kind != EntityKind.REPOSITORY:
            return NodeState.DELETED
        project = self.nodes.get(node.parent)
        gone = project and node.state.carries_roles and not project.state.carries_roles
        return project.state if project and gone else node.state

    def repository_named(self, workspace: int, slug: str) -> int:
        """The one living repository of this name; 0 for none, and for two."""
        claimants = self.repositories.get((workspace, slug), ())
        living = [each for each in claimants if self.repository_state(each).carries_roles]
        return living[0] if len(living) == 1 else 0

    def _intern(self, row: Row) -> None:
        identity = UUID(_extra(row)["uuid"])
        self.aliases[row[1], identity] = row[2]
        self.uuids[row[2]] = identity

    def _user_group(self, row: Row) -> None:
        _keep(self.groups.setdefault(row[2], set()), row[3], bool(row[4]))

    def _grant(self, row: Row) -> None:
        if row[4]:
            self.grants.setdefault(row[3], {})[row[2]] = Role(row[4])
        elif row[3] in self.grants:
            self.grants[row[3]].pop(row[2], None)

    def _workspace_role(self, row: Row) -> None:
        membership = Membership(row[4])
        if row[3]:
            _keep(self.owner_groups.setdefault(row[1], set()), row[2], membership is Membership.OWNER)
        else:
            self.members.setdefault(row[1], {})[row[2]] = membership

    def _principal(self, row: Row) -> None:
        _keep(self.active, row[2], bool(row[4]))

    def _credential(self, row: Row) -> None:
        _keep(self.revoked, row[2], not row[4])

    def _node(self, row: Row) -> None:
        extra = _extra(row)
        old = self.nodes.get(row[2])
        node = Node(extra["kind"], row[1], row[3], _STATES[row[4]], extra.get("slug") or "")
        self.nodes[row[2]] = node
        if node.kind == EntityKind.GROUP:
            _keep(self.live_groups, row[2], node.state.carries_roles)
        elif node.kind == EntityKind.REPOSITORY:
            if old and old.slug != node.slug:
                self.repositories[old.workspace, old.slug].discard(row[2])
            self.repositories.setdefault((node.workspace, node.slug), set()).add(row[2])

    def _workspace(self, row: Row) -> None:
        extra = _extra(row)
        old = self._directory.get(row[2])
        new = Workspace(
            row[2], self.uuids[row[2]], extra["slug"], _STATES[row[4]], bool(extra.get("allow_public", False))
        )
        self._directory[row[2]] = new
        self._claimants.setdefault(new.slug, set()).add(row[2])
        if old and old.slug != new.slug:
            self._claimants[old.slug].discard(row[2])
            self._settle(old.slug)
        self._settle(new.slug)

    def _settle(self, slug: str) -> None:
        """A name is that of the first workspace that bears it and isn't deleted, as the authority has it."""
        claimants = [self._directory[alias] for alias in self._claimants[slug]]
        if claimants:
            self.workspaces[slug] = min(claimants, key=lambda each: (each.state is NodeState.DELETED, each.alias))
        else:
            self.workspaces.pop(slug, None)
            del self._claimants[slug]

    def _image(self, row: Row) -> None:
        if old := self._image_names.pop(row[2], None):
            held = self.images.get(old)
            if held and held.record.id == self.uuids[row[2]]:
                del self.images[old]
        if row[4]:
            record = _record(self.uuids, row)
            self._image_names[row[2]] = (row[1], record.name)
            self.images[row[1], record.name] = HeldImage(record, row[3])

    def _pin(self, row: Row) -> None:
        if row[4]:
            self.pins[row[1]] = _milliseconds(_extra(row).get("since"))
        else:
            self.pins.pop(row[1], None)


def _keep(entries: set[int], alias: int, present: bool) -> None:
    if present:
        entries.add(alias)
    else:
        entries.discard(alias)


def _extra(row: Row) -> Mapping[str, Any]:
    return row[6] if len(row) == 7 else _NOTHING


def _record(uuids: Mapping[int, UUID], row: Row) -> ImageRecord:
    says = ImageRow.model_validate(_extra(row))
    record = ImageRecord(uuids[row[2]], uuids[row[1]], says.name, uuids[row[3]], link_gen=says.link_gen)
    return replace(
        record,
        visibility=Visibility(says.visibility),
        push_policy=PushPolicy(says.push_policy),
        state=ImageState(says.state),
        acl_seq=says.acl_seq,
        deadline=_moment(says.deadline),
        pull_grace_until=_moment(says.pull_grace_until),
        consumer_repositories=frozenset(map(UUID, says.consumer_repositories)),
        admin_override=says.admin_override,
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _milliseconds(since: object) -> int:
    """When a pin began; one that does not say pins the workspace at the beginning of time."""
    if isinstance(since, int):
        return since
    return int(datetime.fromisoformat(since).timestamp() * 1000) if isinstance(since, str) else 0
