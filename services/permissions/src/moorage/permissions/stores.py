"""What the use cases change in the ledger, inside the one change that is open; see moorage.permissions.ports."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Row
from moorage.access.image import NodeState, PushPolicy
from moorage.permissions.folding import Placed
from moorage.permissions.lookups import (
    CredentialReader,
    ImageReader,
    Sources,
)
from moorage.permissions.records import (
    Credential,
    Image,
    Source,
    SourceSpec,
)
from moorage.permissions.slots import Aliases, Entity, Slot
from moorage.permissions.versions import Held


class NameTaken(Exception):
    """An image of this name exists in the workspace."""


class PositionMoved(Exception):
    """Somebody else has advanced this partition: its records are theirs (§2.3)."""


@dataclass(frozen=True, slots=True)
class KeptRepository:
    """What is stored of a repository, for the effects of its next version."""

    alias: int
    state: NodeState
    project: int | None
    slug: str | None


@dataclass(frozen=True, slots=True)
class Lane:
    """Where heartbeats count: a source, and a partition if it has any; `part` is 0 for HTTP, whose topic is empty."""

    source: int
    topic: str = ""
    part: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that can't be applied, with where it stood and why."""

    lane: Lane
    pos: int
    reason: str
    detail: str
    body: bytes
    key: str | None


class ImageRecords(ImageReader, Protocol):
    """Image records to be changed."""

    async def add(self, image: Image) -> None:
        """Keeps a new record. Raises NameTaken."""
        ...

    async def put(self, image: Image) -> None:
        """Replaces a record that exists. Raises NameTaken."""
        ...

    async def linked(self, repositories: Collection[int]) -> Sequence[Image]:
        """The records, deleted ones left out, that are linked to these repositories."""
        ...

    async def overdue(self, now: datetime, limit: int) -> Sequence[Image]:
        """Detached records whose deadline has passed."""
        ...


class Credentials(CredentialReader, Protocol):
    """Credentials to be changed."""

    async def add(self, credential: Credential, digest: bytes) -> None:
        """Keeps a new credential."""
        ...

    async def revoke(self, id: UUID) -> None:
        """Ends a credential for good; again has no effect."""
        ...


class SourceBook(Sources, Protocol):
    """Sources to be changed."""

    async def declare(self, spec: SourceSpec, credential: UUID | None) -> Source:
        """Keeps the declaration; of a name that exists, the new one counts and the counter stays."""
        ...

    async def count(self, source: int, counter: int) -> None:
        """Moves a manual source's counter."""
        ...

    async def heard(self, lane: Lane, as_of: datetime) -> None:
        """A heartbeat: the lane's as_of moves forward, never back."""
        ...


class ChangeLog(Protocol):
    """The order of changes, to be continued."""

    @property
    def token(self) -> ConsistencyToken:
        """The position of the last row appended, or of the head before this change."""
        ...

    def append(self, row: Row, event: str | None = None) -> int:
        """Appends a row; answers its seq, which is certain once the change commits."""
        ...


class FactStore(Protocol):
    """Facts by slot, and the aliases of what they name."""

    async def intern(self, entities: Collection[Entity]) -> Aliases:
        """The aliases, new ones told in the log before anything can use them."""
        ...

    async def held(self, slots: Collection[Slot]) -> Mapping[Slot, Held]:
        """What is stored in these slots, empty ones left out."""
        ...

    async def put(self, placed: Sequence[Placed], aliases: Aliases, source: int, at: datetime) -> None:
        """Stores the facts, whatever was there before."""
        ...

    async def dispute(self, slots: Collection[Slot]) -> None:
        """Marks what is stored as disputed; the next `put` clears the mark."""
        ...

    async def repositories(self, aliases: Collection[int]) -> Mapping[int, KeptRepository]:
        """What is stored of these repositories."""
        ...

    async def supersede(self, repository: UUID, source: int) -> Sequence[Slot]:
        """Of a source's live rows of one repository in several workspaces, makes all but the newest transferred.

        Answers those it changed. A replay of what they held does not revive them.
        """
        ...

    async def set_workspace(self, workspace: int, allow_public: bool, default_push_policy: PushPolicy) -> None:
        """Our own settings of a workspace that a fact has announced."""
        ...


class Intake(Protocol):
    """What came in beside facts: positions of partitions, and records that could not be applied."""

    async def advance(self, topic: str, part: int, old: int, new: int) -> None:
        """Moves the position by compare-and-set. Raises PositionMoved."""
        ...

    async def bury(self, letter: DeadLetter, workspace: int, at: datetime) -> None:
        """Keeps the record; pins the workspace, or the lane if `workspace` is 0."""
        ...

    async def release(self, workspaces_and_keys: Collection[tuple[int, str]]) -> Sequence[int]:
        """Takes the pins of keys that have got a newer version; answers the workspaces that are free now."""
        ...

    async def pins(self, workspace: int) -> datetime | None:
        """Since when the workspace is pinned."""
        ...
