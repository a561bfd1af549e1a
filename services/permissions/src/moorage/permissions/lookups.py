"""What the use cases look up in one consistent position of the ledger; see moorage.permissions.ports."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Row
from moorage.access.principal import Principal
from moorage.permissions.cases import Case, Question
from moorage.permissions.records import (
    Credential,
    Environment,
    Image,
    Path,
    Repository,
    Source,
    User,
    Workspace,
    WorkspaceStanding,
)


class PositionUnknown(Exception):
    """The log does not reach back to this position, or it is of another epoch."""


class Hierarchy(Protocol):
    """Workspaces, repositories and users by name or id; None for what no fact has announced."""

    async def workspace(self, slug: str) -> Workspace | None:
        """The workspace of this name; of several, the one known longest."""
        ...

    async def workspace_by_id(self, id: UUID) -> Workspace | None:
        """The workspace with this id."""
        ...

    async def repository(self, workspace: int, id: UUID) -> Repository | None:
        """The workspace's repository with this id, in whatever state."""
        ...

    async def repository_by_slug(self, workspace: int, slug: str) -> Repository | None:
        """The live repository of this name; None also if two have it."""
        ...

    async def environment(self, workspace: int, id: UUID) -> Environment | None:
        """The workspace's environment with this id, in whatever state."""
        ...

    async def user(self, id: UUID) -> User | None:
        """The user with this id."""
        ...

    async def user_by_alias(self, alias: int) -> User | None:
        """The user with this alias."""
        ...

    async def user_by_account(self, account: str) -> User | None:
        """The user of this account name, an active one first; None if two have it."""
        ...


class Standings(Protocol):
    """What facts say of a principal (§1.4)."""

    async def of(
        self, principal: Principal, credential: UUID | None, workspace: int, repositories: Collection[int]
    ) -> WorkspaceStanding:
        """Membership, activity, and the role on each repository: the maximum over all paths."""
        ...

    async def paths(self, principal: Principal, workspace: int, repository: int) -> Sequence[Path]:
        """Every path that gives the principal a role on the repository, strongest first."""
        ...


class ImageReader(Protocol):
    """Image records by name or id; deleted ones are not found by name."""

    async def named(self, workspace: int, name: str) -> Image | None:
        """The record that has the name now."""
        ...

    async def by_id(self, id: UUID) -> Image | None:
        """The record with this id, deleted or not."""
        ...

    async def page(self, workspace: int, after: str, limit: int) -> Sequence[Image]:
        """Records by name (bytewise), after a name."""
        ...

    async def among(
        self, workspace: int, repositories: Collection[int], images: Collection[int], limit: int
    ) -> Sequence[Image]:
        """Records by name: those that are linked to these repositories, and these themselves, by alias."""
        ...

    async def restorable(self, workspace: int, after: tuple[str, UUID], now: datetime, limit: int) -> Sequence[Image]:
        """Deleted records whose deletion can be undone, by name and id, after those of `after`."""
        ...

    async def to_purge(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Images that are over and whose time has come, with content that is not known to be gone; oldest first."""
        ...

    async def unpushed(
        self, before: datetime, limit: int, after: UUID | None = None, among: Collection[UUID] | None = None
    ) -> Sequence[Image]:
        """Records that a first push made by then, never relinked nor restored, of which no content was seen (I5).

        Oldest first; only those behind the image `after`, and only those `among` these ids.
        """
        ...

    async def orphans(self) -> int:
        """How many active records are linked to a repository that is neither active nor archived (I4)."""
        ...


class Cases(Protocol):
    """Everything that decisions look at."""

    async def of(self, question: Question) -> Case:
        """What is known of the question."""
        ...


class CredentialReader(Protocol):
    """Credentials, without their secrets."""

    async def by_digest(self, digest: bytes) -> Credential | None:
        """The credential whose secret has this digest."""
        ...

    async def by_id(self, id: UUID) -> Credential | None:
        """The credential with this id."""
        ...

    async def of_user(self, user: UUID) -> Sequence[Credential]:
        """The user's tokens that Moorage issued, newest first."""
        ...

    async def robots(self, inside: Collection[UUID], after: UUID | None, limit: int) -> Sequence[Credential]:
        """Robots that have not been revoked and name one of these ids in their bound, by their own ids after one."""
        ...

    async def operator(self) -> Credential | None:
        """The operator's credential, once there is one."""
        ...


class Sources(Protocol):
    """The declared sources, their counters and lanes."""

    async def all(self) -> Sequence[Source]:
        """Every declared source."""
        ...

    async def named(self, name: str) -> Source | None:
        """The source of this name."""
        ...

    async def as_of(self, workspace: Workspace | None) -> Mapping[str, int]:
        """Milliseconds since 1970 by lane: the workspace's own, or those of the identity topic."""
        ...

    async def lanes(self) -> Mapping[str, int]:
        """The same for every lane that ever had a heartbeat, and 0 for lanes of the identity topic that had none."""
        ...


class Positions(Protocol):
    """How far each partition has been applied."""

    async def of(self, topic: str, part: int) -> int:
        """The next offset to apply; 0 for a partition never seen."""
        ...


class Log(Protocol):
    """The order of changes, to be read."""

    async def deltas(self, after: ConsistencyToken, limit: int) -> Sequence[Delta]:
        """Whole frames after the position, without a hole, of about `limit` rows each. Raises PositionUnknown."""
        ...

    async def removals(self, after: int) -> Mapping[int, int]:
        """How many rows after this seq take rights away, by the minute (since 1970); 0 for other minutes with rows."""
        ...


class Snapshots(Protocol):
    """Everything there is, for replicas."""

    async def rows(self, workspace: Workspace | None) -> list[Row]:
        """The rows of a workspace, or of the global part, which applied in order give the state of this view."""
        ...

    async def packed(self, workspace: Workspace | None, at: ConsistencyToken, as_of: Mapping[str, int]) -> bytes:
        """The same, packed (moorage.access.packed); `at` is this view's position. Of a workspace without its users."""
        ...

    async def sum(self, workspace: Workspace) -> int:
        """The sum of moorage.access.sums over what `packed` would tell of the workspace."""
        ...
