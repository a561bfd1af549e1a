"""`/api/v1/check`: may who asks do something with an image? Why is told by moorage.gateway.http.management.insight."""

from aiohttp import web
from pydantic import Field

from moorage.access import wire
from moorage.access.action import Action
from moorage.distribution.headers import DECISION_ID
from moorage.gateway.http.management.api import ManagementApi, RequestBody, answer, read_query
from moorage.oci.reference import ImageName


class CheckQuery(RequestBody):
    """What is asked."""

    image: str = Field(max_length=255)
    action: Action


class Decisions:
    """The resource."""

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/api/v1/check", self.check)

    async def check(self, request: web.Request) -> web.Response:
        """The authority's decision at head. The image is not part of it: it may be asked for where it is readable."""
        identity = await self._api.caller(request)
        query = read_query(request, CheckQuery)
        name = ImageName.parse(query.image)
        decided = await self._api.authority.check(
            wire.CheckRequest(identity=identity, workspace=name.workspace, image=name.image, action=query.action)
        )
        headers = {DECISION_ID: str(decided.decision_id)} if decided.decision_id else None
        return answer(decided.model_copy(update={"image": None}), headers=headers)
