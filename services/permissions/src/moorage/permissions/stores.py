"""What the use cases change in the ledger, inside the one change that is open; see moorage.permissions.ports."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Row
from moorage.access.image import NodeState
from moorage.permissions.edge_columns import Edges, Ends
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
    Workspace,
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
class Advance:
    """The step of a partition that goes with a batch."""

    topic: str
    part: int
    old: int
    new: int


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
        """The records that are linked to these repositories; deleted ones only if they may be restored."""
        ...

    async def overdue(self, now: datetime, limit: int) -> Sequence[Image]:
        """Detached records whose deadline has passed."""
        ...

    async def begin_purge(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Decides for what `to_purge` finds that it never comes back; answers it, in any order."""
        ...

    async def end_purge(self, images: Collection[UUID]) -> int:
        """The content of these is gone; answers for how many that is news. What was not begun is left alone."""
        ...

    async def see_content(self, images: Collection[UUID]) -> None:
        """Something was pushed to these: `unpushed` does not find them any more."""
        ...


class Credentials(CredentialReader, Protocol):
    """Credentials to be changed."""

    async def add(self, credential: Credential, digest: bytes) -> None:
        """Keeps a new credential."""
        ...

    async def revoke(self, id: UUID) -> bool:
        """Ends a credential for good, whatever its source says of it later; whether that is news."""
        ...


class SourceBook(Sources, Protocol):
    """Sources to be changed."""

    async def declare(self, spec: SourceSpec, credential: UUID | None) -> Source:
        """Keeps the declaration; of a name that exists, the new one counts and the counter stays."""
        ...

    async def count(self, source: int, counter: int) -> None:
        """Moves a manual source's counter."""
        ...

    async def main_as_of(self) -> datetime | None:
        """Up to when everything is known by all lanes that feed workspaces; None if there are none (§2.1)."""
        ...

    async def heard(self, heartbeats: Mapping[Lane, datetime]) -> None:
        """The newest heartbeat of each lane: its as_of moves forward, never back."""
        ...


class ChangeLog(Protocol):
    """The order of changes, to be continued."""

    @property
    def token(self) -> ConsistencyToken:
        """The position of the last row appended, or of the head before this change."""
        ...

    @property
    def frame(self) -> int:
        """The seq from which on what this change writes now is seen; the same from its first use to the next pause."""
        ...

    def pause(self) -> None:
        """Readers may stand here: what was told is right without what follows. They do once enough was told."""
        ...

    by: str | None
    """Who makes this change, unless a fact says who made what it tells of."""

    def append(self, row: Row, event: str | None = None) -> int:
        """Appends a row; answers its seq, which is certain once the change commits."""
        ...

    def extend(self, rows: Iterable[Row], event: str | None = None) -> None:
        """Appends rows; of the events that told of them, this is the newest."""
        ...


class FactStore(Protocol):
    """Facts by slot, and the aliases of what they name."""

    async def intern(self, entities: Collection[Entity]) -> Aliases:
        """The aliases, new ones told in the log before anything can use them."""
        ...

    async def named(self, home: UUID | None, kind: str, ids: Sequence[str]) -> list[int]:
        """The aliases of what is named by the texts of uuids; `home` is its workspace, None for what belongs to none.

        New ones are told in the log, as by `intern`.
        """
        ...

    async def held(self, slots: Collection[Slot]) -> Mapping[Slot, Held]:
        """What is stored in these slots, empty ones left out."""
        ...

    async def held_edges(self, edges: Edges) -> Mapping[Ends, Held]:
        """What is stored of these edges, empty places left out."""
        ...

    async def put_edges(self, edges: Edges, before: Mapping[Ends, Held], at: datetime) -> None:
        """Stores the edges; `before` is what `held_edges` answered of them."""
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

    async def supersede(self, repositories: Collection[UUID], source: int) -> Sequence[tuple[UUID, Slot]]:
        """Of a source's rows of a repository in several workspaces, makes live ones older than another transferred.

        What has ended elsewhere counts, what was transferred away from there does not. Answers those it changed; a
        replay of what they held does not revive them.
        """
        ...

    async def set_workspace(self, workspace: Workspace) -> None:
        """Our own settings of a workspace that a fact has announced, as the value has them."""
        ...


class Intake(Protocol):
    """What came in beside facts: positions of partitions, and records that could not be applied."""

    async def advance(self, steps: Collection[Advance]) -> None:
        """Moves the positions of different partitions by compare-and-set. Raises PositionMoved, and none counts."""
        ...

    async def bury(
        self, letter: DeadLetter, workspace: int, at: datetime, *, since: datetime | None = None, holds: bool = True
    ) -> int:
        """Keeps the record, and pins the workspace (if not 0) at `since`, or `at`, if the letter holds anything."""
        ...

    async def pin(self, workspace: int, key: str, since: datetime) -> None:
        """Holds the workspace without a letter; of one key the earliest moment counts."""
        ...

    async def pin_lane(self, lane: Lane, key: str, since: datetime, letter: int) -> None:
        """Holds the lane; of one key the earliest moment counts."""
        ...

    async def release(self, workspaces_and_keys: Collection[tuple[int, str]]) -> Sequence[int]:
        """Takes these pins; answers the workspaces that are free now."""
        ...

    async def release_until(self, workspace: int, at: datetime) -> None:
        """Takes the pins of all letters that were buried before."""
        ...

    async def lane_keys(self, lane: Lane) -> frozenset[str]:
        """What the lane is pinned for; almost always nothing."""
        ...

    async def release_lane(self, lane: Lane, keys: Collection[str]) -> None:
        """Takes pins of the lane."""
        ...

    async def release_lane_by_snapshots(self, source: int, part: int | None) -> None:
        """Takes the pins of the source's lane that are older than a snapshot of each workspace that it feeds.

        Over HTTP a source has one lane, and `part` is None.
        """
        ...

    async def release_letter(self, letter: int, by: str, why: str, at: datetime) -> None:
        """Takes the pins of a letter, and of all others that stand for the same key."""
        ...

    async def home_of(self, letter: int) -> int | None:
        """The workspace a letter speaks of, or 0; None if there is no such letter."""
        ...

    async def pins(self, workspace: int) -> datetime | None:
        """Since when the workspace is pinned."""
        ...

    async def pinned(self, workspaces: Collection[int]) -> Sequence[int]:
        """Which of these workspaces are pinned."""
        ...
