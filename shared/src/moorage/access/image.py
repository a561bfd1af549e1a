"""The image record and what may be set on it (authorization.md §1.1, §1.6, §1.8)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Visibility(StrEnum):
    """Who may pull beside the repository's readers."""

    INHERIT = "inherit"
    WORKSPACE = "workspace"
    PUBLIC = "public"


class PushPolicy(StrEnum):
    """Who may push among those with WRITE; an image may only narrow its workspace's default."""

    REPOSITORY_WRITE = "repository_write"
    PIPELINES_ONLY = "pipelines_only"
    ADMINS_ONLY = "admins_only"


class ImageState(StrEnum):
    """Where an image stands in the life of its repository (§1.9)."""

    ACTIVE = "active"
    DETACHED = "detached"
    EXPIRED = "expired"
    DELETED = "deleted"
    SUSPENDED = "suspended"


class NodeState(StrEnum):
    """The state of a workspace, project, repository, environment or group."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    SUSPENDED = "suspended"
    TRANSFERRED = "transferred"
    DELETED = "deleted"

    @property
    def carries_roles(self) -> bool:
        """Whether grants on and under the node count."""
        return self in (NodeState.ACTIVE, NodeState.ARCHIVED)


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """This name, this link, this visibility, this push policy. Exists before any content.

    `name` is the part behind the workspace. `acl_seq` is the seq of the record's last change.
    """

    id: UUID
    workspace: UUID
    name: str
    repository: UUID
    visibility: Visibility = Visibility.INHERIT
    push_policy: PushPolicy = PushPolicy.REPOSITORY_WRITE
    state: ImageState = ImageState.ACTIVE
    link_gen: int = 1
    acl_seq: int = 0
    deadline: datetime | None = None
    pull_grace_until: datetime | None = None
    consumer_repositories: frozenset[UUID] = field(default_factory=frozenset)
    admin_override: bool = False
