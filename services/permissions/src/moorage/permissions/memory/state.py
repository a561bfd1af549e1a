"""Everything the memory ledger holds, copied for each change so that a failed one leaves nothing."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from moorage.access.frames import EntityKind
from moorage.access.image import NodeState, PushPolicy
from moorage.events.fact_data import FactData
from moorage.permissions.lanes import LaneClock
from moorage.permissions.log_rows import LogRow
from moorage.permissions.records import Credential, Image, Source
from moorage.permissions.slots import Entity, Slot
from moorage.permissions.stores import DeadLetter, Lane
from moorage.permissions.versions import Held


@dataclass(frozen=True, slots=True)
class Stored:
    """A fact in its slot."""

    data: FactData
    held: Held
    event: str
    source: int
    disputed: bool = False


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
    default_push_policy: PushPolicy = PushPolicy.REPOSITORY_WRITE


@dataclass(slots=True)
class State:
    """The tables."""

    epoch: int = 1
    log: list[LogRow] = field(default_factory=list)
    aliases: dict[Entity, int] = field(default_factory=dict)
    entities: dict[int, Entity] = field(default_factory=dict)
    facts: dict[Slot, Stored] = field(default_factory=dict)
    repositories: dict[int, StoredRepository] = field(default_factory=dict)
    settings: dict[int, Settings] = field(default_factory=dict)
    images: dict[UUID, Image] = field(default_factory=dict)
    credentials: dict[UUID, Credential] = field(default_factory=dict)
    digests: dict[bytes, UUID] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    lanes: dict[Lane, LaneClock] = field(default_factory=dict)
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    letters: list[DeadLetter] = field(default_factory=list)
    pins: dict[tuple[int, str], datetime] = field(default_factory=dict)

    def copy(self) -> Self:
        """The same tables, to be changed apart; what is in them is immutable."""
        tables = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "epoch"}
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
