"""What the service knows of workspaces, repositories, users, images, credentials and sources, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from moorage.access.image import ImageRecord, NodeState, PublishingDefaults
from moorage.access.principal import Bound, PrincipalKind, Scope
from moorage.access.role import Membership, Role


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace with its settings; `alias` is its integer in the stream, `source` who told us of it."""

    alias: int
    id: UUID
    slug: str
    state: NodeState
    allow_public: bool
    publishing: PublishingDefaults
    version: int
    source: int


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of a workspace. `state` is its project's where that one carries no roles (E2)."""

    alias: int
    id: UUID
    slug: str | None
    project: UUID | None
    state: NodeState


@dataclass(frozen=True, slots=True)
class Environment:
    """A deployment environment of one repository."""

    id: UUID
    repository: UUID
    state: NodeState


@dataclass(frozen=True, slots=True)
class User:
    """A user that a fact has announced."""

    alias: int
    id: UUID
    account: str
    active: bool


class Origin(StrEnum):
    """How an image record came to be."""

    API = "api"
    FIRST_PUSH = "first_push"


class DetachCause(StrEnum):
    """Why an image is detached; only a deletion is undone by the repository's return (§1.9)."""

    REPOSITORY_DELETED = "repository_deleted"
    REPOSITORY_TRANSFERRED = "repository_transferred"


@dataclass(frozen=True, slots=True)
class Deletion:
    """When an image was deleted by an admin, and before when that can be undone (§1.9)."""

    at: datetime
    undo_until: datetime


class Purge(StrEnum):
    """How far the dropping of an image's content has come; once it has begun, nothing comes back."""

    BEGUN = "begun"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Image:
    """An image record with what surrounds it.

    From `purge_at` on the content of an image that is over may be dropped. A deleted one keeps `detached_by`: what its
    repository goes through meanwhile counts when it is restored.
    """

    alias: int
    record: ImageRecord
    repository: Repository
    workspace_slug: str
    workspace_alias: int
    origin: Origin
    created_at: datetime
    detached_by: DetachCause | None = None
    deletion: Deletion | None = None
    purge_at: datetime | None = None
    purge: Purge | None = None

    def restorable(self, now: datetime) -> bool:
        """Whether its deletion can be undone at `now`."""
        return self.deletion is not None and self.purge is None and now < self.deletion.undo_until


@dataclass(frozen=True, slots=True)
class WorkspaceStanding:
    """What facts say of a principal in a workspace; `roles` by alias of the repositories that were asked for.

    `deploys_to` is the repository whose live environment a pipeline's run deploys to.
    """

    membership: Membership
    principal_active: bool
    credential_active: bool
    roles: dict[int, Role] = field(default_factory=dict)
    deploys_to: UUID | None = None


@dataclass(frozen=True, slots=True)
class PathStep:
    """One fact on a path: what it says, its version, and since when (by which change, event and whom) it is so."""

    fact: str
    text: str
    version: int
    event: str | None
    seq: int = 0
    since: datetime | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """A role that follows from the facts of `via`."""

    role: Role
    via: tuple[PathStep, ...]


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential, without its secret. `user_active` and `account` are what facts say of the user it belongs to."""

    alias: int
    id: UUID
    kind: PrincipalKind
    user: UUID | None
    name: str
    scopes: frozenset[Scope]
    bound: Bound | None
    granted_role: Role | None
    operator: bool
    active: bool
    expires: datetime | None
    created_at: datetime
    account: str | None = None
    user_active: bool = True

    def usable(self, now: datetime) -> bool:
        """Whether it opens anything at `now`."""
        return self.active and self.user_active and (self.expires is None or now < self.expires)


class SourceKind(StrEnum):
    """Whether a source's silence means anything (§2.5)."""

    MANUAL = "manual"
    CONTINUOUS = "continuous"


class Transport(StrEnum):
    """How a source's facts arrive."""

    HTTP = "http"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What is declared of a source before its first fact. None for `workspaces` or `types` means all.

    `event_source` is the CloudEvents `source` its events carry; None if any.
    """

    name: str
    kind: SourceKind
    transport: Transport
    mode: str = "event"
    event_source: str | None = None
    workspaces: frozenset[UUID] | None = None
    types: frozenset[str] | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)
    """Staleness bounds of its own, in seconds by name (moorage.access.staleness); the site's hold for the others."""


@dataclass(frozen=True, slots=True)
class Source:
    """A declared source; `counter` numbers the facts of a manual one, `credential` is the one it shows over HTTP."""

    id: int
    spec: SourceSpec
    counter: int = 0
    credential: UUID | None = None
