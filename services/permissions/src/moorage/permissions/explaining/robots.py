"""Robots with a role on an image: credentials with a role of their own, inside their bounds (authorization.md §1.4)."""

from typing import Final
from uuid import UUID

from moorage.access import explain_wire as wire
from moorage.access import rules
from moorage.access.action import Action
from moorage.access.principal import scopes_open
from moorage.access.role import Membership, Role
from moorage.permissions.bodies import identity_of
from moorage.permissions.check import standing_on
from moorage.permissions.history import Looking
from moorage.permissions.records import Credential, Image, Workspace, WorkspaceStanding

ACTION_OF: Final = {Role.READ: Action.PULL, Role.WRITE: Action.PUSH, Role.ADMIN: Action.MANAGE}
"""What a role is asked for; a robot's scopes must open it."""

_NO_FACTS: Final = WorkspaceStanding(Membership.NONE, principal_active=True, credential_active=True)
"""Facts give a robot nothing."""


async def robots_on(
    view: Looking, workspace: Workspace, image: Image, minimum: Role, after: UUID | None, limit: int
) -> list[Credential]:
    """Those that have at least this role now, by id after one."""
    inside = {workspace.id, image.repository.id, image.record.id, *filter(None, [image.repository.project])}
    found: list[Credential] = []
    while len(found) < limit:
        page = await view.credentials.robots(inside, after, limit)
        found += [each for each in page if each.usable(view.moment) and _may(each, workspace, image, minimum)]
        if len(page) < limit:
            break
        after = page[-1].id
    return found[:limit]


def robot_body(robot: Credential, workspace: Workspace, image: Image) -> wire.RobotHolder:
    """A robot as the wire shows it."""
    role = _role(robot, workspace, image)
    return wire.RobotHolder(
        credential=robot.id,
        name=robot.name,
        role=role.word,
        scopes=sorted(robot.scopes),
        expires=robot.expires,
        paths=[wire.RolePath(role=role.word, via=_steps(robot, workspace, image))],
    )


def _may(robot: Credential, workspace: Workspace, image: Image, minimum: Role) -> bool:
    return scopes_open(robot.scopes, ACTION_OF[minimum]) and _role(robot, workspace, image) >= minimum


def _role(robot: Credential, workspace: Workspace, image: Image) -> Role:
    """By the rule that decides."""
    identity = identity_of(robot)
    standing = standing_on(_NO_FACTS, identity, workspace, image.repository, image.record.id)
    return rules.capped_role(Action.PULL, identity, standing)


def _steps(robot: Credential, workspace: Workspace, image: Image) -> list[wire.PathStep]:
    kind = robot.bound.kind if robot.bound else ""
    granted = robot.granted_role.word if robot.granted_role else Role.NONE.word
    given = f"robot {robot.name} has {granted} inside its {kind}, with {', '.join(sorted(robot.scopes))}"
    steps = [wire.PathStep(fact=f"cr:{robot.id}", text=given, version=0, since=robot.created_at)]
    repository = image.repository
    slug = repository.slug or str(repository.id)
    if kind in ("workspace", "project"):
        steps.append(wire.PathStep(fact=f"re:{repository.id}", text=f"{slug} is in this {kind}", version=0))
    if kind not in ("image", "images"):
        linked = f"linked to {slug} since link_gen {image.record.link_gen}"
        steps.append(wire.PathStep(fact=f"im:{image.record.id}", text=linked, version=0))
    return steps
