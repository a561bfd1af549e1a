"""What the gateway needs from others: the authority (permissions), and what images hold (moorage.distribution)."""

from collections.abc import AsyncIterator
from typing import Protocol
from uuid import UUID

from moorage.access import deletion_wire, explain_wire, wire
from moorage.access.audit import (
    AuditRecord,
    FindDecisionRequest,
    KeepAuditAnswer,
    KeepAuditRequest,
    ListAuditAnswer,
    ListAuditRequest,
)
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Frame
from moorage.access.packed import Packed
from moorage.access.reading_wire import FindWorkspaceRequest, ListCatalogRequest
from moorage.access.sums import WorkspaceSum
from moorage.access.sync_wire import (
    AwaitFleetRequest,
    FleetAnswer,
    FleetProgress,
    FleetReport,
    RefreshAnswer,
    RefreshRequest,
    SyncStatus,
    SyncStatusRequest,
)


class Authority(Protocol):
    """The permissions service, asked at head. See tests/contracts/authority.py.

    Refusals are `Problem`s of moorage.access.problems; every method may raise ServiceUnavailable. Methods that take an
    identity judge it: Forbidden (with `reason`) to who may know of the thing, NotFound to who may not (V3).
    """

    async def authenticate(self, request: wire.AuthenticateRequest) -> wire.AuthenticateAnswer:
        """Whose secret this is. Raises CredentialUnknown, the same for unknown, revoked, expired and disabled."""
        ...

    async def check(self, request: wire.CheckRequest) -> wire.CheckAnswer:
        """The decision of the rules at head, for the image that has the name now."""
        ...

    async def first_push(self, request: wire.FirstPushRequest) -> wire.CheckAnswer:
        """Creates the record if §1.7 says so; the answer is the decision to push, with the image if allowed."""
        ...

    async def create_image(self, request: wire.CreateImageRequest) -> wire.ImageBody:
        """Raises AlreadyExists, InputInvalid (name), Forbidden, NotFound (repository)."""
        ...

    async def find_image(self, request: wire.FindImageRequest) -> wire.ImageBody:
        """Raises NotFound."""
        ...

    async def list_images(self, request: wire.ListImagesRequest) -> wire.ListImagesAnswer:
        """One page of what the identity may pull, complete at one seq (R80). Raises NotFound (workspace)."""
        ...

    async def list_catalog(self, request: ListCatalogRequest) -> wire.ListImagesAnswer:
        """One page of what the identity may pull in all workspaces; the work is bound by what it could reach."""
        ...

    async def set_image(self, request: wire.SetImageRequest) -> wire.ImageBody:
        """The record after the change; the same request again changes nothing."""
        ...

    async def relink_image(self, request: wire.RelinkImageRequest) -> wire.ImageBody:
        """One change: link, link_gen + 1, visibility back to inherit (§1.7)."""
        ...

    async def delete_image(self, request: wire.DeleteImageRequest) -> wire.ImageBody:
        """The record as it was deleted; until `restorable_until` nothing that it held is dropped."""
        ...

    async def restore_image(self, request: deletion_wire.RestoreImageRequest) -> wire.ImageBody:
        """The record as it is again, link_gen + 1; one that is not deleted stays as it is. Raises AlreadyExists."""
        ...

    async def list_deleted_images(self, request: deletion_wire.ListDeletedImagesRequest) -> wire.ListImagesAnswer:
        """One page of what the identity can restore. Raises NotFound (workspace)."""
        ...

    async def purgeable(self, request: deletion_wire.PurgeableRequest) -> deletion_wire.PurgeableAnswer:
        """Images whose content is storage's to drop; none of them is ever restored. Told until `purged`."""
        ...

    async def purged(self, request: deletion_wire.PurgedRequest) -> deletion_wire.PurgedAnswer:
        """Their content is gone; told twice is told once."""
        ...

    async def unpushed(self, request: deletion_wire.UnpushedRequest) -> deletion_wire.UnpushedAnswer:
        """Images made by first pushes long ago that may be empty. Told until they are looked into."""
        ...

    async def looked_into(self, request: deletion_wire.LookedIntoRequest) -> deletion_wire.LookedIntoAnswer:
        """What storage holds of them; those without anything end. Told twice is told once."""
        ...

    async def find_workspace(self, request: FindWorkspaceRequest) -> wire.WorkspaceBody:
        """The workspace's settings; its owners and the operator may. Raises Forbidden, NotFound."""
        ...

    async def set_workspace(self, request: wire.SetWorkspaceRequest) -> wire.WorkspaceBody:
        """The workspace's settings after the change; its owners and the operator may. Raises Forbidden, NotFound."""
        ...

    async def create_token(self, request: wire.CreateTokenRequest) -> wire.CreateTokenAnswer:
        """Raises Forbidden, NotFound (user)."""
        ...

    async def list_tokens(self, request: wire.ListTokensRequest) -> wire.ListTokensAnswer:
        """Raises Forbidden, NotFound (user)."""
        ...

    async def revoke_token(self, request: wire.RevokeTokenRequest) -> wire.RevokeTokenAnswer:
        """Raises NotFound, also for somebody else's token."""
        ...

    async def explain(self, request: explain_wire.ExplainRequest) -> explain_wire.Explanation:
        """Why. About others only with ADMIN on the repository or as workspace owner. Raises Forbidden, NotFound."""
        ...

    async def who_can(self, request: explain_wire.WhoCanRequest) -> explain_wire.WhoCanAnswer:
        """One page of who has a role on an image. Raises Forbidden, NotFound, PositionGone, InputInvalid."""
        ...

    async def what_can(self, request: explain_wire.WhatCanRequest) -> explain_wire.WhatCanAnswer:
        """One page of the images on which a user has a role. Raises NotFound, PositionGone, InputInvalid."""
        ...

    async def image_diff(self, request: explain_wire.ImageDiffRequest) -> explain_wire.DiffAnswer:
        """Whose role on an image differs. Raises Forbidden, NotFound, PositionGone, InputInvalid."""
        ...

    async def user_diff(self, request: explain_wire.UserDiffRequest) -> explain_wire.DiffAnswer:
        """On which images a user's role differs. Raises NotFound, PositionGone, InputInvalid."""
        ...

    async def preview(self, request: explain_wire.PreviewRequest) -> explain_wire.PreviewAnswer:
        """What changes would do; nothing is kept. Raises Forbidden, NotFound, InputInvalid."""
        ...

    async def offboarding(self, request: explain_wire.OffboardingRequest) -> explain_wire.OffboardingAnswer:
        """Where a user's deactivation has arrived. Raises Forbidden, NotFound."""
        ...

    async def await_fleet(self, request: AwaitFleetRequest) -> FleetProgress:
        """Whether all gateways enforce a position, as soon as they do or after the seconds of the request."""
        ...

    async def sync_status(self, request: SyncStatusRequest) -> SyncStatus:
        """How current what is known of a workspace is; for its members and the operator. Raises NotFound."""
        ...

    async def refresh(self, request: RefreshRequest) -> RefreshAnswer:
        """Asks the workspace's source to look again at one user and repository. Raises NotFound, Forbidden."""
        ...

    async def keep_audit(self, request: KeepAuditRequest) -> KeepAuditAnswer:
        """Keeps the records of what was decided here; one that is kept already stays as it is."""
        ...

    async def list_audit(self, request: ListAuditRequest) -> ListAuditAnswer:
        """One page, newest first; for the operator, owners and image admins. Raises Forbidden, NotFound."""
        ...

    async def find_decision(self, request: FindDecisionRequest) -> AuditRecord:
        """The record behind an id, for whom it is about and for admins. Raises NotFound."""
        ...


class AuthorityFeed(Protocol):
    """Where a replica comes from: snapshots and the change stream (authorization.md §2.4, §2.6)."""

    async def snapshot(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> Packed:
        """One workspace, or the global part, at that position or later, by default at head.

        Empty for an unknown workspace. An older snapshot is as good for who applies the stream from there.
        """
        ...

    async def sum(self, workspace: UUID) -> WorkspaceSum:
        """The sum over everything that a replica holds of the workspace, at some position of late."""
        ...

    async def report(self, report: FleetReport) -> FleetAnswer:
        """Tells the fleet how far this gateway has come; who waits for all gateways waits for those that told."""
        ...

    def changes(self, after: ConsistencyToken) -> AsyncIterator[Frame]:
        """Every delta after the position, without a hole, and a beat each second. Raises PositionGone."""
        ...
