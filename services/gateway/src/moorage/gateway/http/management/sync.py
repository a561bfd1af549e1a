"""`/api/v1/sync/…`: how current a workspace is, and asking its source to look again (authorization.md §3.6)."""

from pydantic import Field

from moorage.access.problems import Forbidden, NotFound
from moorage.access.sync_wire import RefreshAnswer, RefreshRequest, SyncStatus, SyncStatusRequest
from moorage.access.wire import IdentityBody
from moorage.gateway.http.management.api import ManagementApi
from moorage.gateway.http.management.operation import Reply, operation
from moorage.gateway.http.management.reading import RequestBody


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
        self._authority = api.authority

    @operation(
        "GET",
        "/sync/status",
        "getSyncStatus",
        needs="being a member of the workspace, or the operator",
        problems=(NotFound,),
    )
    async def status(self, who: IdentityBody, query: StatusQuery) -> Reply[SyncStatus]:
        """Tells how current what is known of a workspace is.

        Lanes with their ages, pins, the newest event, the head, and what every gateway has passed.
        """
        return Reply(await self._authority.sync_status(SyncStatusRequest(identity=who, workspace=query.workspace)))

    @operation(
        "POST",
        "/sync/refresh",
        "refreshAccess",
        needs="being the user, an owner of the workspace, or the operator",
        status=202,
        problems=(Forbidden, NotFound),
    )
    async def refresh(self, who: IdentityBody, body: Refresh) -> Reply[RefreshAnswer]:
        """Asks the workspace's source to look again at one user and repository.

        The source learns of it when it next looks for what is wanted of it; a manual source has nobody to ask.
        """
        return Reply(await self._authority.refresh(RefreshRequest(identity=who, **body.model_dump())))
