"""What the gateway needs from others: the authority (permissions), and what images hold (moorage.distribution)."""

from collections.abc import AsyncIterator
from typing import Protocol
from uuid import UUID

from moorage.access import wire
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Frame, Snapshot


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

    async def set_image(self, request: wire.SetImageRequest) -> wire.ImageBody:
        """The record after the change; the same request again changes nothing."""
        ...

    async def relink_image(self, request: wire.RelinkImageRequest) -> wire.ImageBody:
        """One change: link, link_gen + 1, visibility back to inherit (§1.7)."""
        ...

    async def delete_image(self, request: wire.DeleteImageRequest) -> wire.ImageBody:
        """The record as it was deleted; its content is storage's to drop."""
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

    async def explain(self, request: wire.ExplainRequest) -> wire.Explanation:
        """Why. About others only with ADMIN on the repository or as workspace owner. Raises Forbidden, NotFound."""
        ...


class AuthorityFeed(Protocol):
    """Where a replica comes from: snapshots and the change stream (authorization.md §2.4, §2.6)."""

    async def snapshot(self, workspace: UUID | None) -> Snapshot:
        """The rows of one workspace, or of the global part; empty for an unknown workspace."""
        ...

    def changes(self, after: ConsistencyToken) -> AsyncIterator[Frame]:
        """Every delta after the position, without a hole, and a beat each second. Raises PositionGone."""
        ...
