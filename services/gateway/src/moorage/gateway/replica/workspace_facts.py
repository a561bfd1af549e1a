"""What facts and records say of one workspace: edges, nodes, names and images as integers, ready to be looked up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from moorage.access.frames import EntityKind, Row, RowKind, Snapshot
from moorage.access.packed import IN_GROUP, Packed
from moorage.access.role import Membership
from moorage.access.sums import SUM_MASK, node_term
from moorage.gateway.replica.edges import Edges
from moorage.gateway.replica.facts import STATES, extra_of, number_of
from moorage.gateway.replica.image_table import ImageTable
from moorage.gateway.replica.nodes import ACTIVE, CODES, ENVIRONMENT, GROUP, REPOSITORY, Node
from moorage.gateway.replica.reach import ROLE, STANDING, Reach, Reaches

_FOUND_BY_ID: Final = frozenset({EntityKind.REPOSITORY.value, EntityKind.ENVIRONMENT.value})
_TOLD_BY_ID: Final = frozenset({EntityKind.PROJECT.value, EntityKind.REPOSITORY.value, EntityKind.IMAGE.value})
# Bound once: the rows of a large frame are taken one after the other while requests wait.
_USER_GROUP: Final = int(RowKind.USER_GROUP)
_TO_USERS: Final = (int(RowKind.USER_REPOSITORY), int(RowKind.USER_PROJECT))
_TO_GROUPS: Final = (int(RowKind.GROUP_REPOSITORY), int(RowKind.GROUP_PROJECT))
_NOTHING: Final[Mapping[str, Any]] = {}
_NODE_BYTES: Final = 250
_ALIAS_BYTES: Final = 150


class WorkspaceFacts:
    """The tables of one workspace. Rows are applied in stream order, so the last one about a key is the truth."""

    def __init__(self, alias: int, id: UUID) -> None:
        self.alias = alias
        self.id = id
        self.edges = Edges()
        self.images = ImageTable(id)
        self.owner_groups: set[int] = set()
        """The entries of the groups that own the workspace, as their members have them."""
        self.pin: int | None = None
        self._aliases: dict[int, int] = {}
        self._ids: dict[int, int] = {}
        self._nodes: dict[int, Node] = {}
        self.nowhere: Final = Node(0)
        """The node of which nothing is true."""
        self._reaches = Reaches()
        self._node_sum = 0
        self._slugs: dict[int, str] = {}
        self._named: dict[str, tuple[int, ...]] = {}
        self._live_groups: set[int] = set()

    @classmethod
    def of(cls, alias: int, id: UUID, snapshot: Snapshot | Packed) -> "WorkspaceFacts":
        """What a snapshot tells of the workspace. Raises ValueError, KeyError, IndexError."""
        facts = cls(alias, id)
        if isinstance(snapshot, Packed):
            facts._unpack(snapshot)
        else:
            for row in snapshot.rows:
                if row[1] == alias:
                    facts.apply(row)
        return facts

    @property
    def size(self) -> int:
        """Bytes, roughly: what MOORAGE_GATEWAY_REPLICA_MEMORY_LIMIT counts."""
        entities = _NODE_BYTES * len(self._nodes) + _ALIAS_BYTES * len(self._ids)
        return self.edges.size + self.images.size + entities + self._reaches.size

    @property
    def sum(self) -> int:
        """The sum of moorage.access.sums over everything here."""
        return (self.edges.sum + self.images.sum + self._node_sum) & SUM_MASK

    @property
    def contents(self) -> Mapping[str, object]:
        """Everything that decisions rest on, to be compared with what another copy holds."""
        return {
            "edges": list(self.edges),
            "nodes": {each.alias: (each.parent, each.kind, each.state) for each in self._nodes.values() if each.state},
            "names": {slug: sorted(named) for slug, named in self._named.items()},
            "images": self.images.contents,
            "owner groups": set(self.owner_groups),
            "pin": self.pin,
            "aliases": dict(self._aliases),
            "sum": self.sum,
        }

    def take(self, rows: Sequence[Row]) -> None:
        """Takes rows of one kind in, as `apply` does one by one."""
        if rows[0][0] != _USER_GROUP:
            for row in rows:
                self.apply(row)
            return
        put = self.edges.put
        for row in rows:
            put(row[2], row[3], IN_GROUP if row[4] else 0)

    def apply(self, row: Row) -> None:
        """Takes one row of this workspace in; kinds that a newer authority may send are ignored.

        Raises ValueError, KeyError or IndexError for a row that breaks the contract.
        """
        kind, _, a, b, value = row[:5]
        if kind == _USER_GROUP:
            self.edges.put(a, b, IN_GROUP if value else 0)
        elif kind in _TO_USERS:
            self.edges.put(a, b, value)
        elif kind in _TO_GROUPS:
            self.edges.put(b, a, value)
            self._forget_what_it_gives(self._node_of(b))
        elif kind == RowKind.WORKSPACE_ROLE:
            self._workspace_role(a, value, group=bool(b))
        elif kind == RowKind.INTERN:
            extra = extra_of(row)
            self._name(a, extra["kind"], number_of(extra["uuid"]))
        elif kind == RowKind.NODE:
            self._node(a, b, value, extra_of(row))
        elif kind == RowKind.IMAGE:
            self._image(a, b, value, extra_of(row))
        elif kind == RowKind.PIN:
            self._pin(value, extra_of(row))

    def repository(self, id: UUID | None) -> Node:
        """The repository with this id, in whatever state. One that moved here is another one than there."""
        return self._found(id, REPOSITORY)

    def id_of(self, alias: int) -> UUID | None:
        """The UUID of a project, repository or image."""
        found = self._ids.get(alias)
        return UUID(int=found) if found is not None else None

    def reach(self, node: Node) -> Reach:
        """Who reaches the repository that the node is; kept until something changes on which it rests."""
        state, project = node.as_repository()
        told = self._standings()
        for each in (node, project) if project else (node,):
            given = self._given(each.alias)
            for entry in told.keys() & given.keys():
                given[entry] |= told[entry]
            told |= given
        found = Reach(told, state)
        self._reaches.keep(node, found, len(self.edges))
        return found

    def environment_live(self, id: UUID | None, repository: Node) -> bool:
        """Whether the environment is an active one of that repository."""
        found = self._found(id, ENVIRONMENT)
        return found.state == ACTIVE and found.above is repository

    def repository_named(self, slug: str) -> Node:
        """The one living repository of this name; nowhere for none, and for two."""
        nodes = self._nodes
        named = self._named.get(slug, ())
        living = [node for each in named if (node := nodes[each]).as_repository()[0].carries_roles]
        return living[0] if len(living) == 1 else self.nowhere

    def _found(self, id: UUID | None, kind: int) -> Node:
        """The node of that kind, or nowhere: a node with alias 0, of which nothing is true."""
        found = self._nodes.get(self._aliases.get(id.int, 0), self.nowhere) if id else self.nowhere
        return found if found.kind == kind else self.nowhere

    def _node_of(self, alias: int) -> Node:
        found = self._nodes.get(alias)
        if found is None:
            found = self._nodes[alias] = Node(alias)
        return found

    def _unpack(self, packed: Packed) -> None:
        for alias, kind, inside, uuid in packed.aliases:
            if inside:
                self._name(alias, kind, uuid)
        self.edges = Edges(packed.edges)
        entries, low, high = self.edges.row(self.alias)
        self.owner_groups = {entry for entry in entries[low:high] if entry & 3 == Membership.OWNER}
        for a, b, value, extra in packed.table(RowKind.NODE):
            self._node(a, b, value, extra or _NOTHING)
        for a, b, value, extra in packed.table(RowKind.IMAGE):
            self._image(a, b, value, extra or _NOTHING)
        for _, _, value, extra in packed.table(RowKind.PIN):
            self._pin(value, extra or _NOTHING)

    def _name(self, alias: int, kind: str, uuid: int) -> None:
        if kind in _FOUND_BY_ID:
            self._aliases[uuid] = alias
        if kind in _TOLD_BY_ID:
            self._ids[alias] = uuid

    def _standings(self) -> dict[int, int]:
        """What entries tell of a standing in the workspace, by a fact about the user or through an owning group."""
        owners = dict.fromkeys(self.owner_groups & self._live_groups, STANDING[Membership.OWNER])
        return owners | {self.alias << 2 | member: STANDING[member] for member in (1, 2, 3)}

    def _given(self, node: int) -> dict[int, int]:
        """What entries tell of a role on the node, by a fact about the user or through a live group (E1)."""
        entries, low, high = self.edges.row(node)
        live, own = self._live_groups, node << 2
        given = {entry: ROLE[each & 3] for each in entries[low:high] if (entry := each | IN_GROUP) in live}
        given[own | 1], given[own | 2], given[own | 3] = ROLE[1:]
        return given

    def _forget_what_it_gives(self, node: Node) -> None:
        """The reaches that rest on what groups have on the node: its own if it is a repository, else any."""
        if node.kind == REPOSITORY:
            self._reaches.forget(node)
        else:
            self._reaches.forget_all()

    def _workspace_role(self, who: int, value: int, *, group: bool) -> None:
        if not group:
            self.edges.put(who, self.alias, value)
            return
        self.edges.put(self.alias, who, value)
        self._reaches.forget_all()
        if value == Membership.OWNER:
            self.owner_groups.add(who << 2 | IN_GROUP)
        else:
            self.owner_groups.discard(who << 2 | IN_GROUP)

    def _node(self, alias: int, parent: int, state: int, extra: Mapping[str, Any]) -> None:
        if state not in STATES or alias <= 0 or parent < 0:
            raise ValueError("a node has an alias and a state")
        kind = CODES.get(extra["kind"])
        if kind is None:
            return
        node = self._node_of(alias)
        if node.state:
            self._node_sum -= node_term(alias, node.parent, node.kind, node.state)
        above = self._node_of(parent) if parent else None
        if (above, kind, state) != (node.above, node.kind, node.state):
            node.above, node.kind, node.state = above, kind, state
            self._reaches.forget_all()
        if kind == GROUP and node.carries_roles:
            self._live_groups.add(alias << 2 | IN_GROUP)
        else:
            self._live_groups.discard(alias << 2 | IN_GROUP)
        self._node_sum += node_term(alias, parent, kind, state)
        if kind == REPOSITORY:
            self._rename(alias, extra.get("slug") or "")

    def _rename(self, repository: int, slug: str) -> None:
        old = self._slugs.get(repository)
        if old == slug:
            return
        if old is not None:
            left = tuple(each for each in self._named[old] if each != repository)
            if left:
                self._named[old] = left
            else:
                del self._named[old]
        self._slugs[repository] = slug
        self._named[slug] = (*self._named.get(slug, ()), repository)

    def _image(self, alias: int, repository: int, present: int, extra: Mapping[str, Any]) -> None:
        if not present:
            self.images.remove(alias, UUID(int=self._ids[alias]))
        else:
            told = UUID(int=self._ids[repository])
            self.images.put(alias, UUID(int=self._ids[alias]), self._node_of(repository), told, extra)

    def _pin(self, pinned: int, extra: Mapping[str, Any]) -> None:
        self.pin = _milliseconds(extra.get("since")) if pinned else None


def _milliseconds(since: object) -> int:
    """When a pin began; one that does not say pins the workspace at the beginning of time."""
    if isinstance(since, int):
        return since
    return int(datetime.fromisoformat(since).timestamp() * 1000) if isinstance(since, str) else 0
