"""A path to a role in words: the facts it rests on, as explain tells them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from moorage.access.role import Role
from moorage.permissions.records import Path, PathStep


class Arm(StrEnum):
    """The ways by which a user has a role on a repository (§1.4)."""

    OWNER = "owner"
    OWNER_GROUP = "owner_group"
    REPOSITORY = "repository"
    PROJECT = "project"
    REPOSITORY_GROUP = "repository_group"
    PROJECT_GROUP = "project_group"

    @property
    def through_group(self) -> bool:
        """Whether a group membership is part of it."""
        return self in (Arm.OWNER_GROUP, Arm.REPOSITORY_GROUP, Arm.PROJECT_GROUP)

    @property
    def through_project(self) -> bool:
        """Whether the repository's place in a project is part of it."""
        return self in (Arm.PROJECT, Arm.PROJECT_GROUP)


@dataclass(frozen=True, slots=True)
class PathFacts:
    """The facts of one path, with the names of what they speak of."""

    arm: str
    role: int
    seq: int
    ver: int
    ev: str
    by_whom: str | None
    at: datetime
    workspace: UUID
    workspace_slug: str
    usr_alias: int
    usr: UUID
    grp: UUID | None
    grp_slug: str | None
    member_seq: int | None
    member_ver: int | None
    member_ev: str | None
    member_by: str | None
    member_at: datetime | None
    node: UUID
    project_key: str | None
    repository: UUID
    repository_slug: str | None
    repository_seq: int
    repository_ver: int
    repository_ev: str
    repository_by: str | None
    repository_at: datetime


def path_of(found: PathFacts) -> Path:
    """The path, from the user to the repository."""
    arm, role = Arm(found.arm), Role(found.role)
    via = [] if not arm.through_group else [_membership(found)]
    via.append(_grant(found, arm, role))
    if arm.through_project:
        text = f"{found.repository_slug} is in {found.project_key}"
        via.append(_place(found, text))
    return Path(role, tuple(via))


def _membership(found: PathFacts) -> PathStep:
    key = f"gm:{found.grp}:{found.usr}"
    set_by = (found.member_seq or 0, found.member_at, found.member_by)
    return PathStep(key, f"member of {found.grp_slug}", found.member_ver or 0, found.member_ev, *set_by)


def _place(found: PathFacts, text: str) -> PathStep:
    set_by = (found.repository_seq, found.repository_at, found.repository_by)
    return PathStep(f"re:{found.repository}", text, found.repository_ver, found.repository_ev, *set_by)


def _grant(found: PathFacts, arm: Arm, role: Role) -> PathStep:
    if arm is Arm.OWNER:
        key, text = f"wm:{found.workspace}:{found.usr}", f"owner of {found.workspace_slug}"
    elif arm is Arm.OWNER_GROUP:
        key = f"gr:workspace:{found.workspace}:group:{found.grp}"
        text = f"{found.grp_slug} owns {found.workspace_slug}"
    else:
        kind = "project" if arm.through_project else "repository"
        where = found.project_key or found.node if arm.through_project else found.repository_slug
        whom = f"group:{found.grp}" if arm.through_group else f"user:{found.usr}"
        who = found.grp_slug if arm.through_group else "the user"
        key, text = f"gr:{kind}:{found.node}:{whom}", f"{who} has {role.word} on {kind} {where}"
    return PathStep(key, text, found.ver, found.ev, found.seq, found.at, found.by_whom)
