"""`/api/v1/check` and `/api/v1/explain`: may somebody do something with an image, and why."""

from aiohttp import web
from pydantic import Field

from moorage.access import wire
from moorage.access.action import Action
from moorage.gateway.http.management.api import ManagementApi, RequestBody, answer, read_query
from moorage.oci.reference import ImageName


class CheckQuery(RequestBody):
    """What is asked."""

    image: str = Field(max_length=255)
    action: Action


class ExplainQuery(CheckQuery):
    """What is asked, and about whom: an account or UUID, or the caller."""

    principal: str | None = Field(default=None, max_length=255)


class Decisions:
    """The resource."""

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/api/v1/check", self.check)
        app.router.add_get("/api/v1/explain", self.explain)

    async def check(self, request: web.Request) -> web.Response:
        """The authority's decision at head. The image is not part of it: it may be asked for where it is readable."""
        identity = await self._api.caller(request)
        query = read_query(request, CheckQuery)
        name = ImageName.parse(query.image)
        decided = await self._api.authority.check(
            wire.CheckRequest(identity=identity, workspace=name.workspace, image=name.image, action=query.action)
        )
        return answer(decided.model_copy(update={"image": None}))

    async def explain(self, request: web.Request) -> web.Response:
        """Every path of facts, every filter, and what would allow it."""
        identity = await self._api.somebody(request)
        query = read_query(request, ExplainQuery)
        name = ImageName.parse(query.image)
        explain = wire.ExplainRequest(
            identity=identity,
            principal=query.principal,
            workspace=name.workspace,
            image=name.image,
            action=query.action,
        )
        return answer(await self._api.authority.explain(explain))
