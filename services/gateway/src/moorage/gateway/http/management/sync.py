"""`/api/v1/sync/…`: how current a workspace is, and asking its source to look again (authorization.md §3.6)."""

from aiohttp import web
from pydantic import Field

from moorage.access.sync_wire import RefreshRequest, SyncStatusRequest
from moorage.gateway.http.management.api import ManagementApi, RequestBody, answer, read_body, read_query


class StatusQuery(RequestBody):
    """Of which workspace, by its slug."""

    workspace: str = Field(min_length=1, max_length=255)


class Refresh(RequestBody):
    """Whose rights, on which repository: accounts and slugs, or UUIDs."""

    workspace: str = Field(min_length=1, max_length=255)
    user: str = Field(min_length=1, max_length=255)
    repository: str = Field(min_length=1, max_length=255)


class Sync:
    """The resource."""

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/api/v1/sync/status", self.status)
        app.router.add_post("/api/v1/sync/refresh", self.refresh)

    async def status(self, request: web.Request) -> web.Response:
        """Lanes with their ages, pins, the newest event, the head, and what every gateway has passed."""
        identity = await self._api.somebody(request)
        query = read_query(request, StatusQuery)
        wanted = SyncStatusRequest(identity=identity, workspace=query.workspace)
        return answer(await self._api.authority.sync_status(wanted))

    async def refresh(self, request: web.Request) -> web.Response:
        """202: the source is asked when it next looks for what we want of it, or nobody can be asked."""
        identity = await self._api.somebody(request)
        body = await read_body(request, Refresh)
        wanted = RefreshRequest(identity=identity, workspace=body.workspace, user=body.user, repository=body.repository)
        return answer(await self._api.authority.refresh(wanted), 202)
