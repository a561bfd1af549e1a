"""The global part of a replica: the workspace directory, who is active, and which credentials are revoked.

UUIDs and names appear only where a request enters; they are kept as integers, which cost a third of a UUID object.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from moorage.access.frames import EntityKind, Row, RowKind, Snapshot
from moorage.access.image import WRITERS_PUBLISH, NodeState, PublishingDefaults, PushPolicy
from moorage.access.packed import MAX_ALIAS, Packed
from moorage.access.publisher_body import PublisherBody
from moorage.gateway.replica.likeness import of_workspace
from moorage.gateway.replica.shards import PARTS, Shards

STATES: Final = {
    1: NodeState.ACTIVE,
    2: NodeState.ARCHIVED,
    3: NodeState.DELETED,
    4: NodeState.TRANSFERRED,
    5: NodeState.SUSPENDED,
}
_ALIAS_BYTES: Final = 150
"""What a UUID and its alias take in a dictionary, as measured."""
_DIGITS: Final = 32
_ROOM: Final = 4096
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Workspace:
    """An entry of the workspace directory."""

    alias: int
    id: UUID
    slug: str
    state: NodeState
    allow_public: bool
    publishing: PublishingDefaults = WRITERS_PUBLISH
    likeness: int = field(init=False, repr=False, compare=False)
    """See moorage.gateway.replica.likeness."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "likeness", of_workspace(self.state, self.allow_public, self.publishing))


class SiteFacts:
    """The global tables. Rows are applied in stream order, so the last one about a key is the truth."""

    def __init__(self) -> None:
        self.users = Shards[int]()
        self.credentials = Shards[int]()
        self.workspace_aliases: dict[int, int] = {}
        self.workspaces: dict[str, Workspace] = {}
        self.active = bytearray(1)
        """1 at the alias of each user who is active."""
        self.revoked: set[int] = set()
        self.directory: dict[int, Workspace] = {}
        self._ids: dict[int, UUID] = {}
        self._claimants: dict[str, set[int]] = {}
        self._takes: Final[Mapping[int, Callable[[Row], None]]] = {
            RowKind.INTERN: self._intern,
            RowKind.PRINCIPAL: self._principal,
            RowKind.CREDENTIAL: self._credential,
            RowKind.WORKSPACE: self._workspace,
        }

    @classmethod
    def of(cls, snapshot: Snapshot | Packed) -> "SiteFacts":
        """What a snapshot of the global part tells. Raises ValueError, KeyError, IndexError."""
        facts = cls()
        if isinstance(snapshot, Packed):
            facts._unpack(snapshot)
        else:
            for row in snapshot.rows:
                facts.apply(row)
        return facts

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return _ALIAS_BYTES * (len(self.users) + len(self.credentials)) + len(self.active)

    def apply(self, row: Row) -> None:
        """Takes one row in; kinds that a newer authority may send are ignored.

        Raises ValueError, KeyError or IndexError for a row that breaks the contract.
        """
        take = self._takes.get(row[0])
        if take is not None:
            take(row)
        elif row[0] in RowKind.__members__.values():
            raise ValueError("a row of a workspace without the workspace")

    def take(self, rows: Sequence[Row]) -> None:
        """Rows of one kind, the same way."""
        take = self._takes.get(rows[0][0], self.apply)
        for row in rows:
            take(row)

    def user(self, id: UUID | None) -> int:
        """The user's alias; 0 for one that no row has told of."""
        if id is None:
            return 0
        number = id.int
        return self.users.parts[number % PARTS].get(number, 0)

    def is_revoked(self, credential: UUID) -> bool:
        """Whether a fact has revoked the credential."""
        number = credential.int
        return self.credentials.parts[number % PARTS].get(number, 0) in self.revoked

    def _unpack(self, packed: Packed) -> None:
        for alias, kind, inside, uuid in packed.aliases:
            if not inside:
                self._name(alias, kind, uuid)
        principals, last = packed.table(RowKind.PRINCIPAL), max(self.users.values(), default=0)
        for alias, active in zip(principals.a, principals.value, strict=True):
            if not 0 < alias <= last:
                raise ValueError("a user whom nobody has named")
            self.active[alias] = bool(active)
        credentials = packed.table(RowKind.CREDENTIAL)
        self.revoked.update(alias for alias, active in zip(credentials.a, credentials.value, strict=True) if not active)
        for alias, _, state, extra in packed.table(RowKind.WORKSPACE):
            self._enter(alias, state, extra or _NOTHING)

    def _intern(self, row: Row) -> None:
        extra = extra_of(row)
        self._name(row[2], extra["kind"], number_of(extra["uuid"]))

    def _name(self, alias: int, kind: str, uuid: int) -> None:
        if kind == EntityKind.USER:
            self.users[uuid] = alias
            self._reach(alias)
        elif kind == EntityKind.CREDENTIAL:
            self.credentials[uuid] = alias
        elif kind == EntityKind.WORKSPACE:
            self.workspace_aliases[uuid] = alias
            self._ids[alias] = UUID(int=uuid)

    def _principal(self, row: Row) -> None:
        self._reach(row[2])
        self.active[row[2]] = bool(row[4])

    def _reach(self, alias: int) -> None:
        """Aliases come from one sequence, so an array of flags that reaches to the last user is small."""
        if not 0 < alias <= MAX_ALIAS:
            raise ValueError("an alias out of range")
        if alias >= len(self.active):
            # Some ahead: new users come one by one, and the array would grow at each.
            self.active.extend(bytes(alias + _ROOM - len(self.active)))

    def _credential(self, row: Row) -> None:
        if row[4]:
            self.revoked.discard(row[2])
        else:
            self.revoked.add(row[2])

    def _workspace(self, row: Row) -> None:
        self._enter(row[2], row[4], extra_of(row))

    def _enter(self, alias: int, state: int, extra: Mapping[str, Any]) -> None:
        new = _directory_entry(alias, self._ids[alias], STATES[state], extra)
        old = self.directory.get(alias)
        self.directory[alias] = new
        self._claimants.setdefault(new.slug, set()).add(alias)
        if old and old.slug != new.slug:
            self._claimants[old.slug].discard(alias)
            self._settle(old.slug)
        self._settle(new.slug)

    def _settle(self, slug: str) -> None:
        """A name is that of the first workspace that bears it and isn't deleted, as the authority has it."""
        claimants = [self.directory[alias] for alias in self._claimants[slug]]
        if claimants:
            self.workspaces[slug] = min(claimants, key=lambda each: (each.state is NodeState.DELETED, each.alias))
        else:
            self.workspaces.pop(slug, None)
            del self._claimants[slug]


def number_of(uuid: str) -> int:
    """The integer of a UUID as rows spell it, in a quarter of the time of making a UUID. Raises ValueError."""
    digits = uuid.replace("-", "")
    if len(digits) != _DIGITS:
        raise ValueError("a UUID has 32 digits")
    return int(digits, 16)


def extra_of(row: Row) -> Mapping[str, Any]:
    """What the row says beside its integers."""
    return row[6] if len(row) == 7 else _NOTHING


def _directory_entry(alias: int, id: UUID, state: NodeState, extra: Mapping[str, Any]) -> Workspace:
    policy = PushPolicy(extra.get("default_push_policy", PushPolicy.REPOSITORY_WRITE))
    publishers = tuple(PublisherBody.model_validate(each).value() for each in extra.get("default_publishers", ()))
    publishing = PublishingDefaults(policy, publishers, bool(extra.get("pipeline_create", False)))
    return Workspace(alias, id, extra["slug"], state, bool(extra.get("allow_public", False)), publishing)
