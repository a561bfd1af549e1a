"""Why, who, what, what has changed, and what a change would do (authorization.md §4). The authority answers it all."""

from typing import Final
from uuid import UUID

from pydantic import Field, Json

from moorage.access import explain_wire as wire
from moorage.access.action import Action
from moorage.access.problems import FactsRefused, Forbidden, NotFound, PositionGone
from moorage.access.publisher_body import RunBody
from moorage.access.wire import IdentityBody
from moorage.gateway.http.management.api import ManagementApi
from moorage.gateway.http.management.operation import Reply, operation
from moorage.gateway.http.management.reading import RequestBody
from moorage.oci.reference import ImageName

_ADMINISTERED: Final = "ADMIN on the repositories of the images told, or being the user"


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

    image: str = Field(max_length=255, examples=["acme/hello/web"])
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
    changes: list[wire.Try] = Field(min_length=1, max_length=wire.MOST_CHANGES)


class Insight:
    """The resource."""

    def __init__(self, api: ManagementApi) -> None:
        self._authority = api.authority

    @operation(
        "GET",
        "/explain",
        "explainAccess",
        needs="nothing about oneself; ADMIN on the repository about others",
        problems=(Forbidden, NotFound, PositionGone),
    )
    async def explain(self, who: IdentityBody, query: ExplainQuery) -> Reply[wire.Explanation]:
        """Explains a decision.

        Every path of facts, every filter, what would allow it, and what has changed of late.
        """
        name = ImageName.parse(query.image)
        wanted = wire.ExplainRequest(
            identity=who,
            principal=query.principal,
            claims=query.claims.body() if query.claims else None,
            workspace=name.workspace,
            image=name.image,
            action=query.action,
            at=query.at,
        )
        return Reply(await self._authority.explain(wanted))

    @operation(
        "GET",
        "/images/{id}/access",
        "listImageAccess",
        needs="ADMIN on the linked repository",
        problems=(Forbidden, PositionGone),
    )
    async def who_can(self, who: IdentityBody, id: UUID, query: PageQuery) -> Reply[wire.WhoCanAnswer]:
        """Lists everybody with a role on an image."""
        wanted = wire.WhoCanRequest(identity=who, image=id, **query.model_dump())
        return Reply(await self._authority.who_can(wanted))

    @operation(
        "GET",
        "/images/{id}/access/diff",
        "diffImageAccess",
        needs="ADMIN on the linked repository",
        problems=(Forbidden, PositionGone),
    )
    async def image_diff(self, who: IdentityBody, id: UUID, query: SpanQuery) -> Reply[wire.DiffAnswer]:
        """Lists whose role on an image differs between two positions."""
        wanted = wire.ImageDiffRequest(identity=who, image=id, **query.model_dump())
        return Reply(await self._authority.image_diff(wanted))

    @operation("GET", "/users/{user}/images", "listUserImages", needs=_ADMINISTERED, problems=(PositionGone,))
    async def what_can(self, who: IdentityBody, user: str, query: HeldQuery) -> Reply[wire.WhatCanAnswer]:
        """Lists the images of a workspace on which a user has a role."""
        wanted = wire.WhatCanRequest(identity=who, user=user, **query.model_dump())
        return Reply(await self._authority.what_can(wanted))

    @operation("GET", "/users/{user}/images/diff", "diffUserImages", needs=_ADMINISTERED, problems=(PositionGone,))
    async def user_diff(self, who: IdentityBody, user: str, query: HeldSpanQuery) -> Reply[wire.DiffAnswer]:
        """Lists on which images of a workspace a user's role differs between two positions."""
        wanted = wire.UserDiffRequest(identity=who, user=user, **query.model_dump())
        return Reply(await self._authority.user_diff(wanted))

    @operation(
        "GET",
        "/users/{user}/offboarding",
        "getOffboarding",
        needs="being the operator, or an owner of the workspace",
        problems=(Forbidden,),
    )
    async def offboarding(self, who: IdentityBody, user: str, query: OffboardingQuery) -> Reply[wire.OffboardingAnswer]:
        """Tells since when every gateway refuses a user."""
        wanted = wire.OffboardingRequest(identity=who, user=user, workspace=query.workspace)
        return Reply(await self._authority.offboarding(wanted))

    @operation(
        "POST",
        "/preview",
        "previewChanges",
        needs="ADMIN on the repositories of the images told",
        problems=(Forbidden, NotFound, FactsRefused),
    )
    async def preview(self, who: IdentityBody, body: PreviewBody) -> Reply[wire.PreviewAnswer]:
        """Tells who would gain and lose what by changes that are not made."""
        wanted = wire.PreviewRequest(identity=who, workspace=body.workspace, changes=body.changes)
        return Reply(await self._authority.preview(wanted))
