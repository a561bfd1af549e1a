"""Who may do what on which images, at one moment: what a preview compares."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access import rules
from moorage.access.action import Action
from moorage.access.principal import ANONYMOUS, Identity, Principal, PrincipalKind
from moorage.access.problems import InputInvalid
from moorage.access.reason import Reason
from moorage.access.role import Membership, Role
from moorage.access.rules import Standing
from moorage.permissions.check import standing_in, standing_on
from moorage.permissions.history import Holders, Looking
from moorage.permissions.ports import Deciding
from moorage.permissions.records import Image, Workspace

MOST_IMAGES: Final = 2_000
MOST_USERS: Final = 200
_MOST_ROLES: Final = 20_000
_SOMEBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Scope:
    """Pairs of users and repositories, by alias, that are to be looked at; None is all."""

    pairs: tuple[tuple[frozenset[int] | None, frozenset[int] | None], ...]

    @property
    def everybody(self) -> bool:
        """Whether something other than users' facts has changed."""
        return any(users is None for users, _ in self.pairs)


@dataclass(frozen=True, slots=True)
class Cell:
    """What one principal may do with one image."""

    actions: tuple[Action, ...] = ()
    role: Role = Role.NONE


@dataclass(frozen=True, slots=True)
class Picture:
    """Cells by image name and principal."""

    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)

    def cell(self, image: str, principal: str) -> Cell:
        """What the principal may do with the image; nothing, if it is not in the picture."""
        return self.cells.get((image, principal), Cell())


async def administered(view: Looking, identity: Identity, workspace: Workspace) -> set[str]:
    """The names of the images that who asks may manage now; an owner manages all."""
    images = await _images(view, workspace)
    facts = await standing_in(view, identity, workspace, [image.repository for image in images])

    def manages(image: Image) -> bool:
        standing = standing_on(facts, identity, workspace, image.repository, image.record.id)
        return rules.decide(Action.MANAGE, identity, standing, image.record, view.moment).reason is Reason.OK

    return {f"{workspace.slug}/{image.record.name}" for image in images if manages(image)}


async def people(view: Deciding, holders: Holders, workspace: Workspace, scope: Scope) -> set[int]:
    """Whom to look at, by alias: those the scope names, and all who have a role where it names nobody.

    Raises InputInvalid for too many.
    """
    found: set[int] = set()
    linked = {image.repository.alias for image in await _images(view, workspace)}
    for users, repositories in scope.pairs:
        wanted = linked if repositories is None else repositories
        roles = await holders.roles(workspace.alias, wanted, None, _MOST_ROLES) if users is None else []
        found |= (users or frozenset()) | {each.user for each in roles}
    if len(found) > MOST_USERS:
        touched = f"this touches {len(found)} people, more than the {MOST_USERS} that a preview looks at"
        raise InputInvalid(f"{touched}; try a part of it", errors=[])
    return found


async def picture(view: Deciding, workspace: Workspace, scope: Scope, users: Collection[int], now: datetime) -> Picture:
    """What these users may do in the workspace; where others' rights are in scope, theirs as well."""
    current = await view.hierarchy.workspace_by_id(workspace.id) or workspace
    images, found = await _images(view, current), Picture()
    for user in sorted(users):
        await _add_user(found, view, current, images, user, now)
    if scope.everybody:
        _add_others(found, current, images, now)
    return found


async def _images(view: Deciding, workspace: Workspace) -> Sequence[Image]:
    images = await view.images.page(workspace.alias, "", MOST_IMAGES + 1)
    if len(images) > MOST_IMAGES:
        raise InputInvalid(f"a workspace of more than {MOST_IMAGES} images is too large for a preview", errors=[])
    return images


async def _add_user(
    found: Picture, view: Deciding, workspace: Workspace, images: Sequence[Image], alias: int, now: datetime
) -> None:
    user = await view.hierarchy.user_by_alias(alias)
    if user is None:
        return
    identity = Identity(Principal(PrincipalKind.USER, user.id))
    facts = await standing_in(view, identity, workspace, [image.repository for image in images])
    for image in images:
        standing = standing_on(facts, identity, workspace, image.repository, image.record.id)
        _add(found, f"user:{user.id} ({user.account})", workspace, image, identity, standing, now)


def _add_others(found: Picture, workspace: Workspace, images: Sequence[Image], now: datetime) -> None:
    """Those who have no role: members of the workspace, and anybody."""
    others = [
        (f"every member of {workspace.slug}", Identity(Principal(PrincipalKind.USER, _SOMEBODY)), Membership.MEMBER),
        ("anybody", Identity(ANONYMOUS), Membership.NONE),
    ]
    for name, identity, membership in others:
        for image in images:
            standing = Standing(
                role=Role.NONE,
                membership=membership,
                repository_state=image.repository.state,
                workspace_state=workspace.state,
                allow_public=workspace.allow_public,
            )
            _add(found, name, workspace, image, identity, standing, now)


def _add(
    found: Picture,
    name: str,
    workspace: Workspace,
    image: Image,
    identity: Identity,
    standing: Standing,
    now: datetime,
) -> None:
    verdicts = {each: rules.decide(each, identity, standing, image.record, now) for each in Action}
    allowed = tuple(each for each, verdict in verdicts.items() if verdict.reason is Reason.OK)
    role = max(verdict.role for verdict in verdicts.values())
    if allowed or role:
        found.cells[f"{workspace.slug}/{image.record.name}", name] = Cell(allowed, role)
