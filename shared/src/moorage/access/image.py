"""The image record and what may be set on it (authorization.md §1.1, §1.6, §1.8)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from moorage.access.publishers import Publisher


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


@dataclass(frozen=True, slots=True)
class PublishingDefaults:
    """What a workspace says of publishing.

    Every image is under `policy` as well as under its own. A new image begins with `publishers`, and before there is
    a record they decide; `pipeline_create` lets a pipeline that may publish create the image it pushes (§1.7).
    """

    policy: PushPolicy = PushPolicy.REPOSITORY_WRITE
    publishers: tuple[Publisher, ...] = ()
    pipeline_create: bool = False


WRITERS_PUBLISH: Final = PublishingDefaults()
"""What a workspace says that has not said anything."""


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

    def __init__(self, word: str) -> None:
        self.carries_roles = word in ("active", "archived")
        """Whether grants on and under the node count."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """This name, this link, this visibility, this push policy. Exists before any content.

    `name` is the part behind the workspace. `acl_seq` is the seq of the record's last change. `admin_override` is the
    glass that admins break: they push although only pipelines may.
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
    publishers: tuple[Publisher, ...] = ()
