"""The authority in process: what gateways ask of this service, by the wire's own requests and answers."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from datetime import timedelta
from uuid import UUID

from moorage.access import deletion_wire, explain_wire, wire
from moorage.access.audit import (
    AuditRecord,
    Deed,
    FindDecisionRequest,
    KeepAuditAnswer,
    KeepAuditRequest,
    ListAuditAnswer,
    ListAuditRequest,
)
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Frame
from moorage.access.packed import Packed
from moorage.access.problems import BatchInFlight, ServiceUnavailable
from moorage.access.reading_wire import FindWorkspaceRequest, ListCatalogRequest
from moorage.access.reason import Reason
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
from moorage.permissions.aging import Aging
from moorage.permissions.audit import Audit
from moorage.permissions.check import Check
from moorage.permissions.continuity import Continuity
from moorage.permissions.credentials import Authentication, Tokens
from moorage.permissions.deletions import Deletions
from moorage.permissions.explaining.differences import Differences
from moorage.permissions.explaining.holders import WhoCan
from moorage.permissions.explaining.holdings import WhatCan
from moorage.permissions.explaining.offboarding import Offboarding
from moorage.permissions.explaining.preview import Preview
from moorage.permissions.explaining.why import Explain
from moorage.permissions.feed import Feed
from moorage.permissions.fleet import Gateways
from moorage.permissions.image_changes import UNDO_WINDOW
from moorage.permissions.images import Images
from moorage.permissions.listing import Listing
from moorage.permissions.ports import HistoryLost, Ledger, LedgerUnavailable, Pepper, SourceBusy
from moorage.permissions.refreshing import Refreshing
from moorage.permissions.sync import Sync
from moorage.permissions.unpushed import Unpushed
from moorage.permissions.workspaces import Workspaces
from moorage.runtime.clock import Clock


class LocalAuthority:
    """Decides at head. Refusals are Problems; ServiceUnavailable while the ledger is away.

    Whose identity a request carries has been established by the caller.
    """

    def __init__(
        self,
        ledger: Ledger,
        pepper: Pepper,
        clock: Clock,
        aging: Aging | None = None,
        continuity: Continuity | None = None,
        undo_window: timedelta = UNDO_WINDOW,
    ) -> None:
        continuity = continuity or Continuity()
        self._authentication = Authentication(ledger, pepper, clock)
        self._check = Check(ledger, clock, aging)
        self._images = Images(ledger, clock, aging, undo_window)
        self._deletions = Deletions(ledger, clock, aging)
        self._unpushed = Unpushed(ledger, clock, undo_window)
        self._listing = Listing(ledger, clock, aging)
        self._tokens = Tokens(ledger, pepper, clock)
        self._workspaces = Workspaces(ledger, clock, aging)
        self._explain = Explain(ledger)
        self._who_can = WhoCan(ledger)
        self._what_can = WhatCan(ledger)
        self._differences = Differences(ledger)
        self._preview = Preview(ledger, clock)
        self._offboarding = Offboarding(ledger, clock)
        self._feed = Feed(ledger, clock, continuity)
        self.gateways = Gateways(ledger, continuity, clock)
        self.sync = Sync(ledger, self.gateways, clock)
        self.refreshing = Refreshing(ledger, clock)
        self.audit_trail = Audit(ledger, clock)

    async def authenticate(self, request: wire.AuthenticateRequest) -> wire.AuthenticateAnswer:
        """Whose secret this is. Raises CredentialUnknown."""
        with answering():
            return await self._authentication.authenticate(request)

    async def check(self, request: wire.CheckRequest) -> wire.CheckAnswer:
        """The decision for the image that has the name now."""
        with answering():
            self.gateways.witness(request.seen)
            answer = await self._check.check(request)
            if request.confirms and not answer.decision().allowed:
                self.refreshing.note(request)
            return self.audit_trail.answered(request, answer)

    async def first_push(self, request: wire.FirstPushRequest) -> wire.CheckAnswer:
        """The decision to push; creates the record if §1.7 says so. Raises InputInvalid."""
        with answering():
            self.gateways.witness(request.seen)
            return await self._images.first_push(request)

    async def create_image(self, request: wire.CreateImageRequest) -> wire.ImageBody:
        """Raises AlreadyExists, InputInvalid, Forbidden, NotFound."""
        with answering():
            name = f"{request.workspace}/{request.image}"
            async with self.audit_trail.denials(request.identity, Deed.CREATE_IMAGE, name=name):
                return await self._images.create(request)

    async def find_image(self, request: wire.FindImageRequest) -> wire.ImageBody:
        """Raises NotFound."""
        with answering():
            name = f"{request.workspace}/{request.image}" if request.workspace else ""
            async with self.audit_trail.denials(request.identity, Deed.PULL, name=name, image=request.id):
                return await self._listing.find(request)

    async def list_images(self, request: wire.ListImagesRequest) -> wire.ListImagesAnswer:
        """One page of what the identity may pull. Raises NotFound."""
        with answering():
            return await self._listing.page(request)

    async def list_catalog(self, request: ListCatalogRequest) -> wire.ListImagesAnswer:
        """One page of what the identity may pull in all workspaces."""
        with answering():
            return await self._listing.catalog(request)

    async def set_image(self, request: wire.SetImageRequest) -> wire.ImageBody:
        """The record after the change. Raises InputInvalid, Forbidden, NotFound."""
        with answering():
            async with self.audit_trail.denials(request.identity, Deed.SET_IMAGE, image=request.id):
                return await self._images.set(request)

    async def relink_image(self, request: wire.RelinkImageRequest) -> wire.ImageBody:
        """The record with its new link. Raises Forbidden, NotFound."""
        with answering():
            async with self.audit_trail.denials(request.identity, Deed.RELINK_IMAGE, image=request.id):
                return await self._images.relink(request)

    async def delete_image(self, request: wire.DeleteImageRequest) -> wire.ImageBody:
        """The record as it was deleted. Raises Forbidden, NotFound."""
        with answering():
            async with self.audit_trail.denials(request.identity, Deed.DELETE_IMAGE, image=request.id):
                return await self._images.delete(request)

    async def restore_image(self, request: deletion_wire.RestoreImageRequest) -> wire.ImageBody:
        """The record as it is again. Raises AlreadyExists, Forbidden, NotFound."""
        with answering():
            async with self.audit_trail.denials(request.identity, Deed.RESTORE_IMAGE, image=request.id):
                return await self._deletions.restore(request)

    async def list_deleted_images(self, request: deletion_wire.ListDeletedImagesRequest) -> wire.ListImagesAnswer:
        """One page of what the identity can restore. Raises NotFound."""
        with answering():
            return await self._deletions.page(request)

    async def purgeable(self, request: deletion_wire.PurgeableRequest) -> deletion_wire.PurgeableAnswer:
        """Images whose content is to be dropped, for good."""
        with answering():
            return await self._deletions.purgeable(request)

    async def purged(self, request: deletion_wire.PurgedRequest) -> deletion_wire.PurgedAnswer:
        """The content of these is gone."""
        with answering():
            return await self._deletions.purged(request)

    async def unpushed(self, request: deletion_wire.UnpushedRequest) -> deletion_wire.UnpushedAnswer:
        """Images of first pushes that may be empty."""
        with answering():
            return await self._unpushed.page(request)

    async def looked_into(self, request: deletion_wire.LookedIntoRequest) -> deletion_wire.LookedIntoAnswer:
        """What storage holds of them; the empty ones end."""
        with answering():
            return await self._unpushed.judge(request)

    async def find_workspace(self, request: FindWorkspaceRequest) -> wire.WorkspaceBody:
        """Our settings of a workspace. Raises Forbidden, NotFound."""
        with answering():
            return await self._workspaces.find(request)

    async def set_workspace(self, request: wire.SetWorkspaceRequest) -> wire.WorkspaceBody:
        """Our settings of a workspace. Raises Forbidden, NotFound."""
        with answering():
            async with self.audit_trail.denials(request.identity, Deed.SET_WORKSPACE, name=request.workspace):
                return await self._workspaces.set(request)

    async def create_token(self, request: wire.CreateTokenRequest) -> wire.CreateTokenAnswer:
        """Raises Forbidden, NotFound."""
        with answering():
            async with self.audit_trail.denials(request.identity, Deed.CREATE_TOKEN):
                return await self._tokens.create(request)

    async def list_tokens(self, request: wire.ListTokensRequest) -> wire.ListTokensAnswer:
        """Raises Forbidden, NotFound."""
        with answering():
            return await self._tokens.list(request)

    async def revoke_token(self, request: wire.RevokeTokenRequest) -> wire.RevokeTokenAnswer:
        """Raises NotFound."""
        with answering():
            async with self.audit_trail.denials(request.identity, Deed.REVOKE_TOKEN):
                return await self._tokens.revoke(request)

    async def explain(self, request: explain_wire.ExplainRequest) -> explain_wire.Explanation:
        """Why. Raises Forbidden, NotFound."""
        with answering():
            return await self._explain.explain(request)

    async def who_can(self, request: explain_wire.WhoCanRequest) -> explain_wire.WhoCanAnswer:
        """One page of who has a role on an image. Raises Forbidden, NotFound, PositionGone, InputInvalid."""
        with answering():
            return await self._who_can.page(request)

    async def what_can(self, request: explain_wire.WhatCanRequest) -> explain_wire.WhatCanAnswer:
        """One page of the images on which a user has a role. Raises NotFound, PositionGone, InputInvalid."""
        with answering():
            return await self._what_can.page(request)

    async def image_diff(self, request: explain_wire.ImageDiffRequest) -> explain_wire.DiffAnswer:
        """Whose role differs between two positions. Raises Forbidden, NotFound, PositionGone, InputInvalid."""
        with answering():
            return await self._differences.of_image(request)

    async def user_diff(self, request: explain_wire.UserDiffRequest) -> explain_wire.DiffAnswer:
        """On which images a user's role differs. Raises NotFound, PositionGone, InputInvalid."""
        with answering():
            return await self._differences.of_user(request)

    async def preview(self, request: explain_wire.PreviewRequest) -> explain_wire.PreviewAnswer:
        """What changes would do; nothing is kept. Raises Forbidden, NotFound, InputInvalid, ServiceUnavailable."""
        with answering():
            return await self._preview.preview(request)

    async def offboarding(self, request: explain_wire.OffboardingRequest) -> explain_wire.OffboardingAnswer:
        """Where a user's deactivation has arrived. Raises Forbidden, NotFound."""
        with answering():
            return await self._offboarding.report(request)

    async def keep_audit(self, request: KeepAuditRequest) -> KeepAuditAnswer:
        """Keeps the records of what gateways have decided."""
        with answering():
            return await self.audit_trail.keep(request)

    async def list_audit(self, request: ListAuditRequest) -> ListAuditAnswer:
        """One page of the audit trail. Raises Forbidden, NotFound, InputInvalid."""
        with answering():
            return await self.audit_trail.page(request)

    async def find_decision(self, request: FindDecisionRequest) -> AuditRecord:
        """The record behind a decision's id. Raises NotFound."""
        with answering():
            return await self.audit_trail.find(request)

    async def report(self, report: FleetReport) -> FleetAnswer:
        """A gateway tells how far it has come. Raises InputInvalid."""
        with answering():
            return await self.gateways.report(report)

    async def await_fleet(self, request: AwaitFleetRequest) -> FleetProgress:
        """Whether all gateways enforce a position, as soon as they do or after a while. Raises InputInvalid."""
        with answering():
            return await self.gateways.reached(request)

    async def refresh(self, request: RefreshRequest) -> RefreshAnswer:
        """Asks the workspace's source to look again at one user and repository. Raises NotFound, Forbidden."""
        with answering():
            return await self.refreshing.ask(request)

    async def sync_status(self, request: SyncStatusRequest) -> SyncStatus:
        """How current what is known of a workspace is. Raises NotFound."""
        with answering():
            return await self.sync.status(request)

    async def snapshot(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> Packed:
        """One workspace, or the global part, at that position or later; at head by default."""
        with answering():
            return await self._feed.snapshot(workspace, at_least)

    async def snapshot_file(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> bytes:
        """The same as it is sent."""
        with answering():
            return await self._feed.files.file(workspace, at_least)

    async def sum(self, workspace: UUID) -> WorkspaceSum:
        """The sum over what replicas hold of the workspace; 0 for an unknown one."""
        with answering():
            return await self._feed.files.sum(workspace)

    async def changes(self, after: ConsistencyToken) -> AsyncGenerator[Frame, None]:
        """Every delta after the position, and a beat each second. Raises PositionGone."""
        with answering():
            async with aclosing(self._feed.changes(after)) as frames:
                async for frame in frames:
                    yield frame


@contextmanager
def answering() -> Iterator[None]:
    """Around a use case: tells the causes that lie below it as Problems."""
    try:
        yield
    except HistoryLost as error:
        raise ServiceUnavailable(str(error), reason=Reason.NOT_READY.value) from None
    except LedgerUnavailable:
        raise ServiceUnavailable("the permissions database can't be reached; try again in 5 seconds") from None
    except SourceBusy:
        raise BatchInFlight("another batch of this source is being applied; send this one again after it") from None
