"""Who may do what on which images, at one moment: what a preview compares."""

import asyncio
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

MOST_IMAGES: Final = 10_000
MOST_USERS: Final = 200
MOST_CELLS: Final = 400_000
"""Of users and images: each takes about 10 µs."""
_CHUNK: Final = 500
_AT_ONCE: Final = 50
"""So many images are judged before others have their turn: about half a millisecond."""
_MOST_ROLES: Final = 20_000
_SOMEBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Scope:
    """Pairs of users and repositories, by alias, that are to be looked at; None is all. `images` change themselves."""

    pairs: tuple[tuple[frozenset[int] | None, frozenset[int] | None], ...]
    images: frozenset[int] = frozenset()

    @property
    def everybody(self) -> bool:
        """Whether something other than users' facts has changed."""
        return any(users is None for users, _ in self.pairs)

    @property
    def repositories(self) -> frozenset[int] | None:
        """All that are named; None where all are meant."""
        found = [repositories for _, repositories in self.pairs]
        return None if None in found else frozenset[int]().union(*(each for each in found if each is not None))

    def also(self, repositories: Collection[int]) -> "Scope":
        """With everybody who has a role on these."""
        pairs = (*self.pairs, (None, frozenset(repositories))) if repositories else self.pairs
        return Scope(pairs, self.images)


@dataclass(frozen=True, slots=True)
class Cell:
    """What one principal may do with one image."""

    actions: tuple[Action, ...] = ()
    role: Role = Role.NONE


@dataclass(frozen=True, slots=True)
class Picture:
    """Cells by image name and principal."""

    images: Sequence[Image] = ()
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)

    def cell(self, image: str, principal: str) -> Cell:
        """What the principal may do with the image; nothing, if it is not in the picture."""
        return self.cells.get((image, principal), Cell())


async def administers(view: Looking, identity: Identity, workspace: Workspace) -> bool:
    """Whether who asks may manage any image now; an owner manages all."""
    after, looked = "", 0
    while looked < MOST_IMAGES:
        images = await view.images.page(workspace.alias, after, _CHUNK)
        if await administered(view, identity, workspace, images):
            return True
        if len(images) < _CHUNK:
            return False
        after, looked = images[-1].record.name, looked + len(images)
    return False


async def administered(view: Looking, identity: Identity, workspace: Workspace, images: Sequence[Image]) -> set[str]:
    """The names of those images that who asks may manage now."""
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
    for users, repositories in scope.pairs:
        found |= users if users is not None else await _holders(view, holders, workspace, repositories)
    if len(found) > MOST_USERS:
        touched = f"this touches {len(found)} people, more than the {MOST_USERS} that a preview looks at"
        raise InputInvalid(f"{touched}; try a part of it", errors=[])
    return found


async def _holders(
    view: Deciding, holders: Holders, workspace: Workspace, repositories: frozenset[int] | None
) -> set[int]:
    if repositories is None:
        images = await images_in(view, workspace, Scope(((None, None),)))
        repositories = frozenset(image.repository.alias for image in images)
    return {each.user for each in await holders.roles(workspace.alias, repositories, None, _MOST_ROLES)}


async def picture(view: Deciding, workspace: Workspace, scope: Scope, users: Collection[int], now: datetime) -> Picture:
    """What these users may do in the workspace; where others' rights are in scope, theirs as well.

    Raises InputInvalid for too much of it.
    """
    current = await view.hierarchy.workspace_by_id(workspace.id) or workspace
    found = Picture(await images_in(view, current, scope))
    if len(users) * len(found.images) > MOST_CELLS:
        touched = f"this touches {len(users)} people and {len(found.images)} images, more than a preview looks at"
        raise InputInvalid(f"{touched}; try a part of it", errors=[])
    for user in sorted(users):
        await _add_user(found, view, current, user, now)
    if scope.everybody:
        await _add_others(found, current, now)
    return found


async def images_in(view: Deciding, workspace: Workspace, scope: Scope) -> Sequence[Image]:
    """The images that the scope is about, by name. Raises InputInvalid for too many."""
    wanted, most = scope.repositories, MOST_IMAGES + 1
    if wanted is None:
        images = await view.images.page(workspace.alias, "", most)
    else:
        images = await view.images.among(workspace.alias, wanted, scope.images, most)
    if len(images) > MOST_IMAGES:
        raise InputInvalid(f"this touches more than {MOST_IMAGES} images; try a part of it", errors=[])
    return images


async def _add_user(found: Picture, view: Deciding, workspace: Workspace, alias: int, now: datetime) -> None:
    user = await view.hierarchy.user_by_alias(alias)
    if user is None:
        return
    identity = Identity(Principal(PrincipalKind.USER, user.id))
    facts = await standing_in(view, identity, workspace, [image.repository for image in found.images])
    for number, image in enumerate(found.images):
        standing = standing_on(facts, identity, workspace, image.repository, image.record.id)
        _add(found, f"user:{user.id} ({user.account})", workspace, image, identity, standing, now)
        await _give_way(number)


async def _give_way(number: int) -> None:
    if number % _AT_ONCE == 0:
        await asyncio.sleep(0)


async def _add_others(found: Picture, workspace: Workspace, now: datetime) -> None:
    """Those who have no role: members of the workspace, and anybody."""
    others = [
        (f"every member of {workspace.slug}", Identity(Principal(PrincipalKind.USER, _SOMEBODY)), Membership.MEMBER),
        ("anybody", Identity(ANONYMOUS), Membership.NONE),
    ]
    for name, identity, membership in others:
        for number, image in enumerate(found.images):
            standing = Standing(
                role=Role.NONE,
                membership=membership,
                repository_state=image.repository.state,
                workspace_state=workspace.state,
                allow_public=workspace.allow_public,
            )
            _add(found, name, workspace, image, identity, standing, now)
            await _give_way(number)


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
