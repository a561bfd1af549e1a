"""Our own settings of a workspace: whether images may be public, and who publishes them unless they say so."""

from dataclasses import replace
from functools import partial

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.audit import Deed
from moorage.access.image import PublishingDefaults
from moorage.access.principal import Identity, Scope
from moorage.access.problems import Forbidden
from moorage.access.reading_wire import FindWorkspaceRequest
from moorage.access.reason import Reason
from moorage.access.role import Membership
from moorage.permissions import publishing, rows
from moorage.permissions.aging import Aging
from moorage.permissions.audited import About, audited
from moorage.permissions.bodies import workspace_body
from moorage.permissions.check import standing_in
from moorage.permissions.credentials import is_operator
from moorage.permissions.images import workspace_named
from moorage.permissions.ports import Change, Deciding, Ledger
from moorage.permissions.records import Workspace
from moorage.runtime.clock import Clock


class Workspaces:
    """Shows a workspace's settings, and changes them."""

    def __init__(self, ledger: Ledger, clock: Clock, aging: Aging | None = None) -> None:
        self._ledger = ledger
        self._clock = clock
        self._aging = aging or Aging()

    async def find(self, request: FindWorkspaceRequest) -> wire.WorkspaceBody:
        """The workspace as it is, to whoever may change it. Raises Forbidden, NotFound, AuthorityStale."""
        async with self._ledger.viewing() as view:
            workspace = await workspace_named(view, request.workspace)
            await self._permit(view, request.identity.value(), workspace)
            return workspace_body(workspace, view.token)

    async def set(self, request: wire.SetWorkspaceRequest) -> wire.WorkspaceBody:
        """The workspace after the change. Raises InputInvalid (environment), Forbidden, NotFound."""
        async with self._ledger.changing() as change:
            change.log.by = str(request.identity.value().principal)
            workspace = await workspace_named(change, request.workspace)
            await self._permit(change, request.identity.value(), workspace)
            said = request.model_dump(mode="json", exclude={"identity", "workspace"}, exclude_none=True)
            audit = partial(audited, change, request.identity)
            about, decided_at, now = About.of_workspace(workspace), change.log.token, self._clock.now()
            decision = await audit(Deed.SET_WORKSPACE, about, decided_at, now, said)
            changed = await self._changed(change, request, workspace)
            if workspace.allow_public and not changed.allow_public:
                await audit(Deed.PUBLIC_DISABLED, about, decided_at, now)
            if changed != workspace:
                await change.facts.set_workspace(changed)
                change.log.append(rows.workspace_row(changed))
            return workspace_body(changed, change.log.token).by(decision)

    async def _changed(self, change: Change, request: wire.SetWorkspaceRequest, workspace: Workspace) -> Workspace:
        said, wanted = workspace.publishing, request.default_publishers
        publishers = said.publishers if wanted is None else await publishing.checked(change, workspace, wanted)
        create = said.pipeline_create if request.pipeline_create is None else request.pipeline_create
        public = workspace.allow_public if request.allow_public is None else request.allow_public
        defaults = PublishingDefaults(request.default_push_policy or said.policy, publishers, create)
        return replace(workspace, allow_public=public, publishing=defaults)

    async def _permit(self, view: Deciding, identity: Identity, workspace: Workspace) -> None:
        if await is_operator(view, identity, self._clock.now()):
            return
        await self._aging.require(view, workspace, Action.MANAGE, self._clock.now())
        facts = await standing_in(view, identity, workspace, [])
        active = facts.principal_active and facts.credential_active
        whole = identity.bound is None or (identity.bound.kind == "workspace" and workspace.id in identity.bound.ids)
        if not (active and whole and facts.membership is Membership.OWNER and Scope.ADMIN in identity.scopes):
            raise Forbidden(
                "only owners of the workspace may see or change its settings", reason=Reason.NOT_ADMIN.value
            )
