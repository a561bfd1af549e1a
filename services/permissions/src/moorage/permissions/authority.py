"""The authority in process: what gateways ask of this service, by the wire's own requests and answers."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from uuid import UUID

from moorage.access import wire
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Frame, Snapshot
from moorage.access.problems import BatchInFlight, ServiceUnavailable
from moorage.permissions.check import Check
from moorage.permissions.credentials import Authentication, Tokens
from moorage.permissions.explain import Explain
from moorage.permissions.feed import Feed
from moorage.permissions.images import Images
from moorage.permissions.listing import Listing
from moorage.permissions.ports import Ledger, LedgerUnavailable, Pepper, SourceBusy
from moorage.permissions.workspaces import Workspaces
from moorage.runtime.clock import Clock


class LocalAuthority:
    """Decides at head. Refusals are Problems; ServiceUnavailable while the ledger is away.

    Whose identity a request carries has been established by the caller.
    """

    def __init__(self, ledger: Ledger, pepper: Pepper, clock: Clock) -> None:
        self._authentication = Authentication(ledger, pepper, clock)
        self._check = Check(ledger, clock)
        self._images = Images(ledger, clock)
        self._listing = Listing(ledger, clock)
        self._tokens = Tokens(ledger, pepper, clock)
        self._workspaces = Workspaces(ledger, clock)
        self._explain = Explain(ledger, clock)
        self._feed = Feed(ledger, clock)

    async def authenticate(self, request: wire.AuthenticateRequest) -> wire.AuthenticateAnswer:
        """Whose secret this is. Raises CredentialUnknown."""
        with answering():
            return await self._authentication.authenticate(request)

    async def check(self, request: wire.CheckRequest) -> wire.CheckAnswer:
        """The decision for the image that has the name now."""
        with answering():
            return await self._check.check(request)

    async def first_push(self, request: wire.FirstPushRequest) -> wire.CheckAnswer:
        """The decision to push; creates the record if §1.7 says so. Raises InputInvalid."""
        with answering():
            return await self._images.first_push(request)

    async def create_image(self, request: wire.CreateImageRequest) -> wire.ImageBody:
        """Raises AlreadyExists, InputInvalid, Forbidden, NotFound."""
        with answering():
            return await self._images.create(request)

    async def find_image(self, request: wire.FindImageRequest) -> wire.ImageBody:
        """Raises NotFound."""
        with answering():
            return await self._listing.find(request)

    async def list_images(self, request: wire.ListImagesRequest) -> wire.ListImagesAnswer:
        """One page of what the identity may pull. Raises NotFound."""
        with answering():
            return await self._listing.page(request)

    async def set_image(self, request: wire.SetImageRequest) -> wire.ImageBody:
        """The record after the change. Raises InputInvalid, Forbidden, NotFound."""
        with answering():
            return await self._images.set(request)

    async def relink_image(self, request: wire.RelinkImageRequest) -> wire.ImageBody:
        """The record with its new link. Raises Forbidden, NotFound."""
        with answering():
            return await self._images.relink(request)

    async def delete_image(self, request: wire.DeleteImageRequest) -> wire.ImageBody:
        """The record as it was deleted. Raises Forbidden, NotFound."""
        with answering():
            return await self._images.delete(request)

    async def set_workspace(self, request: wire.SetWorkspaceRequest) -> wire.WorkspaceBody:
        """Our settings of a workspace. Raises Forbidden, NotFound."""
        with answering():
            return await self._workspaces.set(request)

    async def create_token(self, request: wire.CreateTokenRequest) -> wire.CreateTokenAnswer:
        """Raises Forbidden, NotFound."""
        with answering():
            return await self._tokens.create(request)

    async def list_tokens(self, request: wire.ListTokensRequest) -> wire.ListTokensAnswer:
        """Raises Forbidden, NotFound."""
        with answering():
            return await self._tokens.list(request)

    async def revoke_token(self, request: wire.RevokeTokenRequest) -> wire.RevokeTokenAnswer:
        """Raises NotFound."""
        with answering():
            return await self._tokens.revoke(request)

    async def explain(self, request: wire.ExplainRequest) -> wire.Explanation:
        """Why. Raises Forbidden, NotFound."""
        with answering():
            return await self._explain.explain(request)

    async def snapshot(self, workspace: UUID | None) -> Snapshot:
        """The rows of one workspace, or of the global part."""
        with answering():
            return await self._feed.snapshot(workspace)

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
    except LedgerUnavailable:
        raise ServiceUnavailable("the permissions database can't be reached; try again in 5 seconds") from None
    except SourceBusy:
        raise BatchInFlight("another batch of this source is being applied; send this one again after it") from None
