"""`/api/v1/audit` and `/api/v1/decisions/{id}`: what was decided, for who may read it (authorization.md §4)."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from moorage.access.audit import AuditRecord, FindDecisionRequest, ListAuditAnswer, ListAuditRequest
from moorage.access.problems import Forbidden, NotFound
from moorage.access.wire import IdentityBody
from moorage.gateway.http.management.api import ManagementApi
from moorage.gateway.http.management.operation import Reply, operation
from moorage.gateway.http.management.reading import RequestBody


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

    def __init__(self, api: ManagementApi) -> None:
        self._authority = api.authority
        self._audit = api.audit

    @operation(
        "GET",
        "/audit",
        "listAudit",
        needs="being the operator, an owner of the workspace, or ADMIN on the image's repository",
        problems=(Forbidden, NotFound),
    )
    async def list(self, who: IdentityBody, query: AuditQuery) -> Reply[ListAuditAnswer]:
        """Lists what was decided, newest first."""
        await self._audit.flush()
        asked = query.model_dump(exclude={"principal"}, exclude_none=True)
        wanted = ListAuditRequest(identity=who, about=query.principal, **asked)
        return Reply(await self._authority.list_audit(wanted))

    @operation("GET", "/decisions/{id}", "getDecision", needs="being whom it is about, or what listing it needs")
    async def show(self, who: IdentityBody, id: UUID) -> Reply[AuditRecord]:
        """Tells the decision behind the id that a denial told."""
        await self._audit.flush()
        return Reply(await self._authority.find_decision(FindDecisionRequest(identity=who, decision=id)))
