"""`/api/v1/workspaces/{slug}`: our own settings of a workspace; everything else about it comes as facts."""

from aiohttp import web

from moorage.access import wire
from moorage.access.image import PushPolicy
from moorage.gateway.http.management.api import ManagementApi, RequestBody, answer, read_body
from moorage.gateway.http.management.settings import WorkspaceSettings


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

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_patch("/api/v1/workspaces/{slug}", self.set)
        app.router.add_put("/api/v1/workspaces/{slug}/allow-public", self.set_allow_public)
        app.router.add_put("/api/v1/workspaces/{slug}/default-push-policy", self.set_default_push_policy)

    async def set(self, request: web.Request) -> web.Response:
        """The settings after all that is given has changed, as one change."""
        identity = await self._api.somebody(request)
        body = await read_body(request, WorkspaceSettings)
        slug = request.match_info["slug"]
        return await self._set(wire.SetWorkspaceRequest(identity=identity, workspace=slug, **body.given()))

    async def set_allow_public(self, request: web.Request) -> web.Response:
        """The settings after the change."""
        identity = await self._api.somebody(request)
        body = await read_body(request, AllowPublic)
        slug = request.match_info["slug"]
        change = wire.SetWorkspaceRequest(identity=identity, workspace=slug, allow_public=body.allow_public)
        return await self._set(change)

    async def set_default_push_policy(self, request: web.Request) -> web.Response:
        """The settings after the change."""
        identity = await self._api.somebody(request)
        body = await read_body(request, DefaultPushPolicy)
        slug = request.match_info["slug"]
        return await self._set(
            wire.SetWorkspaceRequest(identity=identity, workspace=slug, default_push_policy=body.default_push_policy)
        )

    async def _set(self, change: wire.SetWorkspaceRequest) -> web.Response:
        settings = await self._api.authority.set_workspace(change)
        return answer(settings, headers=await self._api.applied(settings, settings.token))
