"""`/api/v1/check`: may who asks do something with an image? Why is told by moorage.gateway.http.management.insight."""

from pydantic import Field

from moorage.access import wire
from moorage.access.action import Action
from moorage.distribution.headers import DECISION_ID
from moorage.gateway.http.management.api import ManagementApi
from moorage.gateway.http.management.operation import Reply, operation
from moorage.gateway.http.management.reading import RequestBody
from moorage.oci.reference import ImageName


class CheckQuery(RequestBody):
    """What is asked."""

    image: str = Field(max_length=255, examples=["acme/hello/web"])
    action: Action


class Decisions:
    """The resource."""

    def __init__(self, api: ManagementApi) -> None:
        self._authority = api.authority

    @operation("GET", "/check", "checkAccess", needs="nothing", anonymous=True, headers=(DECISION_ID,))
    async def check(self, who: wire.IdentityBody, query: CheckQuery) -> Reply[wire.CheckAnswer]:
        """Tells whether who asks may do something with an image.

        The decision is the authority's at head. The record is never part of it: it may be asked for where it is
        readable.
        """
        name = ImageName.parse(query.image)
        decided = await self._authority.check(
            wire.CheckRequest(identity=who, workspace=name.workspace, image=name.image, action=query.action)
        )
        headers = {DECISION_ID: str(decided.decision_id)} if decided.decision_id else {}
        return Reply(decided.model_copy(update={"image": None}), headers)
