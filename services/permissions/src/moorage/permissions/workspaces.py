"""Our own settings of a workspace: whether images may be public, and the push policy new images get."""

from dataclasses import replace

from moorage.access import wire
from moorage.access.principal import Identity, Scope
from moorage.access.problems import Forbidden
from moorage.access.reason import Reason
from moorage.access.role import Membership
from moorage.permissions import rows
from moorage.permissions.bodies import workspace_body
from moorage.permissions.check import standing_in
from moorage.permissions.credentials import is_operator
from moorage.permissions.images import workspace_named
from moorage.permissions.ports import Change, Ledger
from moorage.permissions.records import Workspace
from moorage.runtime.clock import Clock


class Workspaces:
    """Changes a workspace's settings."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def set(self, request: wire.SetWorkspaceRequest) -> wire.WorkspaceBody:
        """The workspace after the change. Raises Forbidden, NotFound."""
        async with self._ledger.changing() as change:
            workspace = await workspace_named(change, request.workspace)
            await self._permit(change, request.identity.value(), workspace)
            changed = replace(
                workspace,
                allow_public=workspace.allow_public if request.allow_public is None else request.allow_public,
                default_push_policy=request.default_push_policy or workspace.default_push_policy,
            )
            if changed != workspace:
                await change.facts.set_workspace(changed.alias, changed.allow_public, changed.default_push_policy)
                change.log.append(rows.workspace_row(changed))
            return workspace_body(changed, change.log.token)

    async def _permit(self, change: Change, identity: Identity, workspace: Workspace) -> None:
        if await is_operator(change, identity, self._clock.now()):
            return
        facts = await standing_in(change, identity, workspace, [])
        active = facts.principal_active and facts.credential_active
        whole = identity.bound is None or (identity.bound.kind == "workspace" and workspace.id in identity.bound.ids)
        if not (active and whole and facts.membership is Membership.OWNER and Scope.ADMIN in identity.scopes):
            raise Forbidden("only owners of the workspace may change its settings", reason=Reason.NOT_ADMIN.value)
