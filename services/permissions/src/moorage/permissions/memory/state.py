"""Everything the memory ledger holds, copied for each change so that a failed one leaves nothing."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from moorage.access.frames import EntityKind
from moorage.access.image import WRITERS_PUBLISH, NodeState, PublishingDefaults
from moorage.events.fact_data import FactData
from moorage.permissions.epoch import Epoch
from moorage.permissions.lanes import LaneClock
from moorage.permissions.log_rows import LogFrame
from moorage.permissions.reconcile_stores import Holding, Parked, Run, Staged, Turn
from moorage.permissions.records import Credential, Image, Source
from moorage.permissions.slots import Entity, Slot, Table
from moorage.permissions.stores import DeadLetter, Lane
from moorage.permissions.sync_facts import Applied
from moorage.permissions.topic_book import KnownTopic
from moorage.permissions.versions import Held


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which change set a value, when, and who made it."""

    seq: int = 0
    at: datetime | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A fact in its slot."""

    data: FactData
    held: Held
    event: str
    source: int
    disputed: bool = False
    stamp: Stamp = Stamp()


@dataclass(frozen=True, slots=True)
class StoredRepository:
    """A repository beside its fact: what a transfer leaves in place, and whether another workspace has it now."""

    ws: int
    id: UUID
    project: UUID | None
    slug: str | None
    state: NodeState
    version: int
    source: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Our own settings of a workspace."""

    allow_public: bool = False
    publishing: PublishingDefaults = WRITERS_PUBLISH


@dataclass(frozen=True, slots=True)
class Pin:
    """Since when something is held, and by which letter, if any."""

    since: datetime
    letter: int | None = None


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter with its workspace's alias, or 0."""

    letter: DeadLetter
    workspace: int
    at: datetime
    since: datetime | None


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """Something asked of a source."""

    source: int
    kind: str
    workspace: int
    user: UUID | None
    repository: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Logged:
    """A frame of the log, and when it was written."""

    frame: LogFrame
    at: datetime


@dataclass(slots=True)
class State:
    """The tables."""

    epoch: int = 1
    seq: int = 0
    epochs: dict[int, Epoch] = field(default_factory=dict)
    log: list[Logged] = field(default_factory=list)
    newest: dict[int, Applied] = field(default_factory=dict)
    aliases: dict[Entity, int] = field(default_factory=dict)
    entities: dict[int, Entity] = field(default_factory=dict)
    facts: dict[Slot, Stored] = field(default_factory=dict)
    repositories: dict[int, StoredRepository] = field(default_factory=dict)
    settings: dict[int, Settings] = field(default_factory=dict)
    images: dict[UUID, Image] = field(default_factory=dict)
    content_seen: set[UUID] = field(default_factory=set)
    stamps: dict[int, Stamp] = field(default_factory=dict)
    credentials: dict[UUID, Credential] = field(default_factory=dict)
    digests: dict[bytes, UUID] = field(default_factory=dict)
    revoked_here: set[UUID] = field(default_factory=set)
    sources: dict[str, Source] = field(default_factory=dict)
    lanes: dict[Lane, LaneClock] = field(default_factory=dict)
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    topics: dict[str, KnownTopic] = field(default_factory=dict)
    letters: list[StoredLetter] = field(default_factory=list)
    pins: dict[tuple[int, str], Pin] = field(default_factory=dict)
    lane_pins: dict[tuple[Lane, str], Pin] = field(default_factory=dict)
    authorities: dict[tuple[int, Table], Holding] = field(default_factory=dict)
    differences: dict[tuple[int, int], tuple[int, datetime]] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    staged: dict[tuple[int, Slot, bool], Staged] = field(default_factory=dict)
    planned: dict[tuple[int, Slot], Turn] = field(default_factory=dict)
    parked: dict[Slot, Parked] = field(default_factory=dict)
    requests: dict[int, StoredRequest] = field(default_factory=dict)

    def copy(self) -> Self:
        """The same tables, to be changed apart; what is in them is immutable."""
        tables = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("epoch", "seq")}
        return replace(self, **{name: table.copy() for name, table in tables.items()})

    def alias_of_user(self, id: UUID | None) -> int:
        """The user's alias, or 0."""
        return self.aliases.get(Entity(EntityKind.USER, None, id), 0) if id else 0

    def node_state(self, repository: int) -> NodeState:
        """The repository's state, or its project's where that one carries no roles."""
        found = self.repositories[repository]
        project = self.project_state(found.ws, found.project)
        if found.state.carries_roles and project is not None and not project.carries_roles:
            return project
        return found.state

    def project_state(self, ws: int, project: UUID | None) -> NodeState | None:
        """The project's state; None if no fact has announced it."""
        if project is None:
            return None
        return self._state(Entity(EntityKind.PROJECT, self.entities[ws].id, project))

    def group_live(self, group: int) -> bool:
        """Whether the group's members have its grants."""
        state = self._state(self.entities[group])
        return state is not None and state.carries_roles

    def _state(self, entity: Entity) -> NodeState | None:
        alias = self.aliases.get(entity)
        for slot, stored in self.facts.items():
            if slot.a == alias and slot.b == 0 and slot.table.value == entity.kind.value:
                return getattr(stored.data, "state", None)
        return None
