"""`/api/v1/audit` and `/api/v1/decisions/{id}`: what was decided, for who may read it (authorization.md §4)."""

from datetime import datetime

from aiohttp import web
from pydantic import Field
from yarl import URL

from moorage.access.audit import FindDecisionRequest, ListAuditRequest
from moorage.gateway.audit import Audit
from moorage.gateway.http.management.api import ManagementApi, RequestBody, answer, path_id, read_query


class AuditQuery(RequestBody):
    """Which records; `image` is a whole name or a UUID, `principal` an account, a UUID or `<kind>:<uuid>`."""

    workspace: str | None = Field(default=None, max_length=255)
    image: str | None = Field(default=None, max_length=255)
    principal: str | None = Field(default=None, max_length=255)
    allow: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = Field(default=None, max_length=80)
    limit: int = Field(default=100, ge=1, le=1000)


class AuditTrail:
    """The resource. What this gateway has not sent yet is sent first, so that nobody looks for their own in vain."""

    def __init__(self, api: ManagementApi, audit: Audit) -> None:
        self._api = api
        self._audit = audit

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/api/v1/audit", self.list)
        app.router.add_get("/api/v1/decisions/{id}", self.show)

    async def list(self, request: web.Request) -> web.Response:
        """One page, newest first."""
        identity = await self._api.somebody(request)
        query = read_query(request, AuditQuery)
        await self._audit.flush()
        page = await self._api.authority.list_audit(
            ListAuditRequest(
                identity=identity, about=query.principal, **query.model_dump(exclude={"principal"}, exclude_none=True)
            )
        )
        return answer(page, headers=_next_link(request, page.cursor))

    async def show(self, request: web.Request) -> web.Response:
        """The record behind the id that a denial told."""
        identity, decision = await self._api.somebody(request), path_id(request)
        await self._audit.flush()
        find = FindDecisionRequest(identity=identity, decision=decision)
        return answer(await self._api.authority.find_decision(find))


def _next_link(request: web.Request, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    url = URL.build(path="/api/v1/audit", query={**request.query, "cursor": cursor})
    return {"Link": f'<{url}>; rel="next"'}
