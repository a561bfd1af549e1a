"""Rows and frames of the change stream, and of snapshots (authorization.md §2.4).

A snapshot is the list of rows which, applied to an empty replica, gives the state at its position: one decoder serves
both. Integers alias (workspace, kind, UUID) inside an epoch; an INTERN row gives an alias before its first use. Aliases
come from one sequence for all kinds of entities. Evolution: readers ignore unknown row kinds and keys of `extra`.
"""

from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from moorage.access.publisher_body import PublisherBody


class RowKind(IntEnum):
    """What a row says. `a`, `b` and `value` per kind; unused ones are 0."""

    INTERN = 0
    """a=alias; extra={"kind": EntityKind, "uuid"}."""
    USER_GROUP = 1
    """a=user, b=group, value=1 present, 0 absent."""
    GROUP_REPOSITORY = 2
    """a=group, b=repository, value=Role."""
    USER_REPOSITORY = 3
    """a=user, b=repository, value=Role."""
    GROUP_PROJECT = 4
    """a=group, b=project, value=Role."""
    USER_PROJECT = 5
    """a=user, b=project, value=Role."""
    WORKSPACE_ROLE = 6
    """a=user or group, b=0 user, 1 group, value=Membership."""
    PRINCIPAL = 7
    """ws=0; a=user, value=1 active, 0 inactive; extra={"account"}."""
    NODE = 8
    """a=project, repository, environment or group, b=parent (repository's project, environment's repository, else 0);
    value=1 active, 2 archived, 3 deleted, 4 transferred, 5 suspended; extra={"kind": EntityKind, "slug"}."""
    IMAGE = 9
    """a=image, b=repository, value=1 present, 0 gone; extra=the record (ImageRow)."""
    CREDENTIAL = 10
    """ws=0; a=credential, b=principal (user alias or 0), value=1 active, 0 revoked; extra={"expires"}."""
    WORKSPACE = 11
    """ws=0; a=workspace, value as NODE; extra={"slug", "allow_public", "default_push_policy",
    "default_publishers", "pipeline_create"}."""
    PIN = 12
    """value=1 pinned, 0 released; extra={"since"}."""


class EntityKind(StrEnum):
    """What an alias stands for."""

    WORKSPACE = "workspace"
    PROJECT = "project"
    REPOSITORY = "repository"
    ENVIRONMENT = "environment"
    USER = "user"
    GROUP = "group"
    CREDENTIAL = "credential"
    IMAGE = "image"


Row = tuple[int, int, int, int, int, int] | tuple[int, int, int, int, int, int, dict[str, Any]]
"""`[kind, ws, a, b, value, version]` and, for some kinds, `extra`; ws 0 is global. One seq each."""


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore")


class Delta(_Frame):
    """Rows `first`..`last`, without a hole, applied as one whole; `first` is the seq before the first row."""

    k: Literal["delta"] = "delta"
    epoch: int = Field(alias="e")
    first: int = Field(alias="from")
    last: int = Field(alias="to")
    t: int
    """Milliseconds since 1970, by the sender's clock."""
    rows: list[Row] = Field(alias="c")
    as_of: dict[str, int] = Field(default_factory=dict, alias="asof")


class Beat(_Frame):
    """The stream is alive and its end is `head`; sent every second."""

    k: Literal["beat"] = "beat"
    epoch: int = Field(alias="e")
    head: int
    t: int
    as_of: dict[str, int] = Field(default_factory=dict, alias="asof")
    bumped: int | None = Field(default=None, exclude_if=lambda it: it is None)
    """When this epoch began, in milliseconds since 1970; None for the first one."""
    bounds: dict[str, dict[str, float]] = Field(default_factory=dict, exclude_if=lambda it: not it)
    """The staleness bounds (seconds) of lanes whose source has its own."""


class Reset(_Frame):
    """History was rewritten: forget everything and take a new snapshot."""

    k: Literal["reset"] = "reset"
    epoch: int = Field(alias="e")
    reason: str


Frame = Annotated[Delta | Beat | Reset, Field(discriminator="k")]


class Snapshot(_Frame):
    """The rows of one workspace, or of the global part (workspace directory, principals, credentials)."""

    epoch: int
    seq: int
    rows: list[Row]
    as_of: dict[str, int] = Field(default_factory=dict)


class ImageRow(_Frame):
    """The `extra` of an IMAGE row."""

    name: str
    visibility: str
    push_policy: str
    state: str
    link_gen: int
    acl_seq: int
    deadline: str | None = None
    pull_grace_until: str | None = None
    consumer_repositories: list[str] = Field(default_factory=list)
    admin_override: bool = False
    publishers: list[PublisherBody] = Field(default_factory=list)
