"""Why, who, what, what has changed, and what a change would do (authorization.md §4). The authority answers it all."""

from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import Field, Json

from moorage.access import explain_wire as wire
from moorage.access.action import Action
from moorage.access.publisher_body import RunBody
from moorage.gateway.http.management.api import ManagementApi, RequestBody, answer, path_id, read_body, read_query
from moorage.oci.reference import ImageName


class Claims(RequestBody):
    """What a pipeline's claims would say."""

    repository: str = Field(max_length=255)
    environment: UUID | None = None
    branch: str | None = Field(default=None, max_length=1024)
    pull_request: bool = False

    def body(self) -> wire.ClaimsBody:
        """As the authority is asked."""
        run = RunBody(environment=self.environment, branch=self.branch, pull_request=self.pull_request)
        return wire.ClaimsBody(repository=self.repository, run=run)


class ExplainQuery(RequestBody):
    """What is asked, and about whom: the caller, an account or UUID, or a pipeline with these claims (as JSON)."""

    image: str = Field(max_length=255)
    action: Action
    principal: str | None = Field(default=None, max_length=255)
    claims: Json[Claims] | None = None
    at: wire.At | None = None


class PageQuery(RequestBody):
    """Which roles, when, and from where on."""

    role: wire.RoleWord = "read"
    at: wire.At | None = None
    cursor: str | None = Field(default=None, max_length=400)
    limit: int = Field(default=100, ge=1, le=500)


class HeldQuery(PageQuery):
    """In which workspace."""

    workspace: str = Field(max_length=255)


class SpanQuery(RequestBody):
    """Between which positions."""

    since: wire.At = Field(alias="from")
    until: wire.At | None = Field(default=None, alias="to")
    cursor: str | None = Field(default=None, max_length=400)
    limit: int = Field(default=100, ge=1, le=500)


class HeldSpanQuery(SpanQuery):
    """In which workspace."""

    workspace: str = Field(max_length=255)


class OffboardingQuery(RequestBody):
    """A workspace that who asks owns; the operator needs none."""

    workspace: str | None = Field(default=None, max_length=255)


class PreviewBody(RequestBody):
    """Changes to be tried in a workspace."""

    workspace: str = Field(max_length=255)
    changes: list[dict[str, Any]] = Field(min_length=1, max_length=wire.MOST_CHANGES)


class Insight:
    """The resource."""

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/api/v1/explain", self.explain)
        app.router.add_get("/api/v1/images/{id}/access", self.who_can)
        app.router.add_get("/api/v1/images/{id}/access/diff", self.image_diff)
        app.router.add_get("/api/v1/users/{user}/images", self.what_can)
        app.router.add_get("/api/v1/users/{user}/images/diff", self.user_diff)
        app.router.add_get("/api/v1/users/{user}/offboarding", self.offboarding)
        app.router.add_post("/api/v1/preview", self.preview)

    async def explain(self, request: web.Request) -> web.Response:
        """Every path of facts, every filter, what would allow it, and what has changed of late."""
        identity = await self._api.somebody(request)
        query = read_query(request, ExplainQuery)
        name = ImageName.parse(query.image)
        explain = wire.ExplainRequest(
            identity=identity,
            principal=query.principal,
            claims=query.claims.body() if query.claims else None,
            workspace=name.workspace,
            image=name.image,
            action=query.action,
            at=query.at,
        )
        return answer(await self._api.authority.explain(explain))

    async def who_can(self, request: web.Request) -> web.Response:
        """Everybody with a role on an image."""
        identity = await self._api.somebody(request)
        query = read_query(request, PageQuery)
        wanted = wire.WhoCanRequest(identity=identity, image=path_id(request), **query.model_dump())
        return answer(await self._api.authority.who_can(wanted))

    async def what_can(self, request: web.Request) -> web.Response:
        """The images of a workspace on which a user has a role."""
        identity = await self._api.somebody(request)
        query = read_query(request, HeldQuery)
        wanted = wire.WhatCanRequest(identity=identity, user=request.match_info["user"], **query.model_dump())
        return answer(await self._api.authority.what_can(wanted))

    async def image_diff(self, request: web.Request) -> web.Response:
        """Whose role on an image differs between two positions."""
        identity = await self._api.somebody(request)
        query = read_query(request, SpanQuery)
        wanted = wire.ImageDiffRequest(identity=identity, image=path_id(request), **query.model_dump())
        return answer(await self._api.authority.image_diff(wanted))

    async def user_diff(self, request: web.Request) -> web.Response:
        """On which images a user's role differs between two positions."""
        identity = await self._api.somebody(request)
        query = read_query(request, HeldSpanQuery)
        wanted = wire.UserDiffRequest(identity=identity, user=request.match_info["user"], **query.model_dump())
        return answer(await self._api.authority.user_diff(wanted))

    async def offboarding(self, request: web.Request) -> web.Response:
        """Since when every gateway refuses a user."""
        identity = await self._api.somebody(request)
        query = read_query(request, OffboardingQuery)
        user = request.match_info["user"]
        wanted = wire.OffboardingRequest(identity=identity, user=user, workspace=query.workspace)
        return answer(await self._api.authority.offboarding(wanted))

    async def preview(self, request: web.Request) -> web.Response:
        """Who would gain and lose what by changes that are not made."""
        identity = await self._api.somebody(request)
        body = await read_body(request, PreviewBody)
        wanted = wire.PreviewRequest.model_validate(
            {"identity": identity, "workspace": body.workspace, "changes": body.changes}
        )
        return answer(await self._api.authority.preview(wanted))
