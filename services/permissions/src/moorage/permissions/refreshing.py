"""Asks a workspace's source to look again at what one user may do in one repository (authorization.md §3.4, §3.6)."""

from typing import Final
from uuid import UUID

from moorage.access import wire
from moorage.access.principal import Identity, PrincipalKind
from moorage.access.problems import Forbidden, NotFound
from moorage.access.reason import Reason
from moorage.access.role import Membership
from moorage.access.sync_wire import RefreshAnswer, RefreshRequest
from moorage.permissions.check import standing_in
from moorage.permissions.credentials import find_user, is_operator
from moorage.permissions.images import find_repository, workspace_named
from moorage.permissions.ports import Change, Deciding, Ledger
from moorage.permissions.records import SourceKind, Workspace
from moorage.permissions.source_requests import SourceRequests
from moorage.runtime.clock import Clock

MOST_DENIED: Final = 100
AT_ONCE: Final = 5


class Refreshing:
    """Members ask for themselves, owners of the workspace and the operator for anybody."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._requests = SourceRequests(ledger, clock)
        self._denied: dict[tuple[str, str, UUID], None] = {}

    async def ask(self, request: RefreshRequest) -> RefreshAnswer:
        """Whether a source will be asked. Raises NotFound, Forbidden; of a repository it tells nothing (V3)."""
        async with self._ledger.changing() as change:
            workspace = await workspace_named(change, request.workspace)
            user = await self._user(change, request.identity.value(), workspace, request.user)
            repository = await find_repository(change, workspace, request.repository)
            if repository is not None:
                await self._requests.want_refresh(change, workspace.alias, user, repository.id)
            sources = {each.id: each.spec.kind for each in await change.sources.all()}
            return RefreshAnswer(asked=sources.get(workspace.source) is SourceKind.CONTINUOUS)

    def note(self, check: wire.CheckRequest) -> None:
        """A denial was confirmed: somebody may wait for a grant. Asked later, so that no answer takes longer for it."""
        user = check.identity.id
        if check.identity.kind is PrincipalKind.USER and user is not None:
            self._denied[check.workspace, check.image, user] = None
            if len(self._denied) > MOST_DENIED:
                del self._denied[next(iter(self._denied))]

    async def drain(self) -> int:
        """Asks on behalf of some who were denied; how many. Raises LedgerUnavailable."""
        asked = 0
        for slug, name, user in list(self._denied)[:AT_ONCE]:
            del self._denied[slug, name, user]
            async with self._ledger.viewing() as view:
                workspace = await view.hierarchy.workspace(slug)
                repository = await _linked(view, workspace, name) if workspace else None
            if workspace and repository:
                async with self._ledger.changing() as change:
                    asked += await self._requests.want_refresh(change, workspace.alias, user, repository)
        return asked

    async def _user(self, change: Change, identity: Identity, workspace: Workspace, wanted: str) -> UUID:
        if await is_operator(change, identity, self._clock.now()):
            return (await find_user(change, wanted)).id
        facts = await standing_in(change, identity, workspace, [])
        member = facts.membership in (Membership.MEMBER, Membership.OWNER)
        if not (member and facts.principal_active and facts.credential_active):
            raise NotFound("nothing of this name is available to you")
        if facts.membership is Membership.OWNER:
            return (await find_user(change, wanted)).id
        me = await change.hierarchy.user(identity.principal.id) if identity.principal.id else None
        if identity.principal.kind is not PrincipalKind.USER or me is None or wanted not in (me.account, str(me.id)):
            raise Forbidden("only owners of the workspace may ask for others", reason=Reason.NOT_ADMIN.value)
        return me.id


async def _linked(view: Deciding, workspace: Workspace, name: str) -> UUID | None:
    """The repository that the image is linked to, or that a new one of this name would be."""
    image = await view.images.named(workspace.alias, name)
    if image is not None:
        return image.repository.id
    named = await view.hierarchy.repository_by_slug(workspace.alias, name.partition("/")[0])
    return named.id if named else None
