"""`/api/v1/workspaces/{slug}`: our own settings of a workspace; everything else about it comes as facts."""

from typing import Final

from moorage.access import wire
from moorage.access.image import PushPolicy
from moorage.access.problems import Forbidden
from moorage.access.reading_wire import FindWorkspaceRequest
from moorage.gateway.http.management.api import ManagementApi
from moorage.gateway.http.management.operation import Reply, operation
from moorage.gateway.http.management.reading import RequestBody
from moorage.gateway.http.management.settings import WorkspaceSettings

_OWNER: Final = "being an owner of the workspace, or the operator"
WorkspaceReply = Reply[wire.WorkspaceBody]


class AllowPublic(RequestBody):
    """The body of a change: whether images may be public (V2)."""

    allow_public: bool


class DefaultPushPolicy(RequestBody):
    """The body of a change: what new images get, and which images may only narrow."""

    default_push_policy: PushPolicy


class Workspaces:
    """The resource."""

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    @operation("GET", "/workspaces/{slug}", "getWorkspace", needs=_OWNER, problems=(Forbidden,))
    async def show(self, who: wire.IdentityBody, slug: str) -> WorkspaceReply:
        """Shows the settings."""
        return Reply(await self._api.authority.find_workspace(FindWorkspaceRequest(identity=who, workspace=slug)))

    @operation("PATCH", "/workspaces/{slug}", "setWorkspace", needs=_OWNER, problems=(Forbidden,))
    async def set(self, who: wire.IdentityBody, slug: str, body: WorkspaceSettings) -> WorkspaceReply:
        """Sets what is given, as one change; the rest stays."""
        return await self._set(wire.SetWorkspaceRequest(identity=who, workspace=slug, **body.given()))

    @operation("PUT", "/workspaces/{slug}/allow-public", "setWorkspaceAllowPublic", needs=_OWNER, problems=(Forbidden,))
    async def set_allow_public(self, who: wire.IdentityBody, slug: str, body: AllowPublic) -> WorkspaceReply:
        """Sets whether images of the workspace may be public."""
        return await self._set(wire.SetWorkspaceRequest(identity=who, workspace=slug, allow_public=body.allow_public))

    @operation(
        "PUT",
        "/workspaces/{slug}/default-push-policy",
        "setWorkspaceDefaultPushPolicy",
        needs=_OWNER,
        problems=(Forbidden,),
    )
    async def set_default_push_policy(
        self, who: wire.IdentityBody, slug: str, body: DefaultPushPolicy
    ) -> WorkspaceReply:
        """Sets what new images get as push policy, and what every image may only narrow."""
        return await self._set(
            wire.SetWorkspaceRequest(identity=who, workspace=slug, default_push_policy=body.default_push_policy)
        )

    async def _set(self, change: wire.SetWorkspaceRequest) -> WorkspaceReply:
        settings = await self._api.authority.set_workspace(change)
        return Reply(settings, await self._api.applied(settings, settings.token))
