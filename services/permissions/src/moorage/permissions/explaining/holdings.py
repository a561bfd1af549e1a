"""What can: the images of a workspace on which a user has a role (authorization.md §4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from moorage.access import explain_wire as wire
from moorage.access import rules
from moorage.access.action import Action
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.problems import NotFound
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.permissions.check import standing_in, standing_on
from moorage.permissions.credentials import find_user
from moorage.permissions.explaining.asking import NOTHING, gone, owns, position
from moorage.permissions.explaining.cursors import Place, cursor_after
from moorage.permissions.explaining.holders import strongest
from moorage.permissions.history import Looking
from moorage.permissions.images import workspace_named
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.ports import Ledger
from moorage.permissions.records import Image, User, Workspace, WorkspaceStanding

_CHUNK: Final = 500


class WhatCan:
    """Lists what a user has roles on."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def page(self, request: wire.WhatCanRequest) -> wire.WhatCanAnswer:
        """One page by name. Raises NotFound, PositionGone, InputInvalid."""
        place = Place.of(request.at, request.cursor)
        try:
            async with (
                self._ledger.looking(position(None)) as head,
                self._ledger.looking(place.at) as view,
            ):
                sight = await sight_of(head, request.identity.value(), request.user, request.workspace)
                return await _page(view, sight, request, place.after)
        except PositionUnknown as error:
            raise gone(error) from None


@dataclass(frozen=True, slots=True)
class Sight:
    """What who asks may be told of a user's images: all of them, or those they administer now."""

    head: Looking
    identity: Identity
    user: User
    workspace: Workspace
    all: bool

    async def of(self, images: Sequence[Image]) -> list[Image]:
        """The images of which may be told."""
        if self.all or not images:
            return list(images)
        # A record may have moved since: the right is that on its repository now.
        now = [await self.head.images.by_id(each.record.id) for each in images]
        facts = await standing_in(self.head, self.identity, self.workspace, [each.repository for each in now if each])
        return [
            image for image, current in zip(images, now, strict=True) if current and self._administers(facts, current)
        ]

    def _administers(self, facts: WorkspaceStanding, image: Image) -> bool:
        standing = standing_on(facts, self.identity, self.workspace, image.repository, image.record.id)
        verdict = rules.decide(Action.MANAGE, self.identity, standing, image.record, self.head.moment)
        return verdict.reason is Reason.OK


async def sight_of(head: Looking, identity: Identity, wanted: str, slug: str) -> Sight:
    """What who asks may be told. Raises NotFound."""
    workspace = await workspace_named(head, slug)
    own = identity.principal
    if own.kind not in (PrincipalKind.USER, PrincipalKind.ROBOT):
        raise NotFound(NOTHING)
    user = await find_user(head, wanted)
    everything = own.id == user.id or await owns(head, identity, workspace)
    return Sight(head, identity, user, workspace, everything)


async def roles_on(view: Looking, user: User, workspace: Workspace, images: Sequence[Image]) -> dict[int, Role]:
    """The user's roles that are in force, by the repositories' aliases."""
    identity = Identity(Principal(PrincipalKind.USER, user.id))
    facts = await standing_in(view, identity, workspace, [each.repository for each in images])
    live = {each.repository.alias for each in images if each.repository.state.carries_roles}
    return {alias: role for alias, role in facts.roles.items() if alias in live and facts.principal_active}


async def _page(view: Looking, sight: Sight, request: wire.WhatCanRequest, after: str) -> wire.WhatCanAnswer:
    found: list[wire.Holding] = []
    minimum = Role[request.role.upper()]
    while len(found) <= request.limit:
        chunk = await view.images.page(sight.workspace.alias, after, _CHUNK)
        roles = await roles_on(view, sight.user, sight.workspace, chunk)
        held = [each for each in chunk if roles.get(each.repository.alias, Role.NONE) >= minimum]
        for image in (await sight.of(held))[: request.limit + 1 - len(found)]:
            found.append(await _holding(view, sight, image, roles[image.repository.alias]))
        if len(chunk) < _CHUNK:
            break
        after = chunk[-1].record.name
    shown = found[: request.limit]
    more = len(found) > len(shown)
    return wire.WhatCanAnswer(
        user=sight.user.id,
        account=sight.user.account,
        active=sight.user.active,
        images=shown,
        cursor=cursor_after(view, shown[-1].name.partition("/")[2]) if more else None,
        token=str(view.token),
        as_of=view.moment,
    )


async def _holding(view: Looking, sight: Sight, image: Image, role: Role) -> wire.Holding:
    principal = Principal(PrincipalKind.USER, sight.user.id)
    paths = await view.standings.paths(principal, sight.workspace.alias, image.repository.alias)
    name = f"{sight.workspace.slug}/{image.record.name}"
    return wire.Holding(id=image.record.id, name=name, role=role.word, paths=strongest(paths))
