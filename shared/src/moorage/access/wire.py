"""What services say to one another about access: requests and answers, one pair per operation.

An operation is `POST /internal/v1/<operation>` with the request as JSON; the answer is JSON as well. Refusals travel as
RFC 9457 problems (moorage.access.problems). Unknown fields of requests are refused, of answers ignored, so answers may
grow within a major version and requests need a new one.
"""

from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.decision import Decision
from moorage.access.image import ImageState, PushPolicy, Visibility
from moorage.access.principal import ALL_SCOPES, Bound, Identity, Principal, PrincipalKind, Scope
from moorage.access.publisher_body import PublisherBody, RunBody
from moorage.access.publishers import MOST_PUBLISHERS
from moorage.access.reason import Reason
from moorage.access.role import Role

MOST_CONSUMERS: Final = 200


class Request(BaseModel):
    """Base of what is asked: immutable, no unknown fields (R64)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(BaseModel):
    """Base of what is answered: immutable, unknown fields ignored. What has a default is told as well."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_serialization_defaults_required=True)


class Changed(Answer):
    """Base of the answers to changes. The id of the decision that let one be made goes beside the body, as a header."""

    decision_id: UUID | None = Field(default=None, exclude=True, repr=False)

    def by(self, decision: UUID | None) -> Self:
        """The same answer, let by this decision."""
        return self.model_copy(update={"decision_id": decision})


class Via(Answer):
    """By which request from outside somebody asks: for the audit trail, never for a decision."""

    method: str = Field(max_length=16)
    remote: str | None = Field(default=None, max_length=64)
    request: str | None = Field(default=None, max_length=64)


class IdentityBody(Request):
    """An Identity as JSON. With `via` it asks by a request of its own, and the authority audits what it answers."""

    kind: PrincipalKind
    id: UUID | None = None
    credential: UUID | None = None
    scopes: frozenset[Scope] = ALL_SCOPES
    bound_kind: str | None = None
    bound_ids: frozenset[UUID] = frozenset()
    granted_role: int | None = None
    expires: datetime | None = None
    run: RunBody | None = None
    via: Via | None = None

    @model_validator(mode="after")
    def _bound_is_whole(self) -> Self:
        """Ids without their kind must not read as no bound: that would open what they were to close."""
        if self.bound_ids and not self.bound_kind:
            raise ValueError("the ids of a bound need its kind")
        return self

    @classmethod
    def of(cls, identity: Identity) -> "IdentityBody":
        """The body that says `identity`."""
        bound = identity.bound
        return cls(
            kind=identity.principal.kind,
            id=identity.principal.id,
            credential=identity.credential,
            scopes=identity.scopes,
            bound_kind=bound.kind if bound else None,
            bound_ids=bound.ids if bound else frozenset(),
            granted_role=identity.granted_role,
            expires=identity.expires,
            run=RunBody.of(identity.run) if identity.run else None,
        )

    def value(self) -> Identity:
        """The identity that the body says."""
        bound = Bound(self.bound_kind, self.bound_ids) if self.bound_kind else None
        role = Role(self.granted_role) if self.granted_role is not None else None
        run = self.run.value() if self.run else None
        return Identity(Principal(self.kind, self.id), self.credential, self.scopes, bound, role, self.expires, run)


class AuthenticateRequest(Request):
    """Whose secret is this?"""

    secret: str = Field(max_length=256, repr=False)
    user: str = Field(default="", max_length=255)
    address: str = Field(default="", max_length=255)
    most_failures: int | None = Field(default=None, ge=1)
    """So many in a minute of this user name and address, over all gateways (R141); None where nothing is counted."""


class AuthenticateAnswer(Answer):
    """The identity behind a secret, with the account name for logs and pages."""

    identity: IdentityBody
    account: str | None = None


class CheckRequest(Request):
    """May `identity` do `action` with the image that has this name now? Asked at head.

    `confirms`: a replica has denied it, and wants to know whether a grant is on its way (§3.4). `seen` is the position
    that who asks has seen: an authority whose ledger lacks it has lost changes, and answers nobody (§3.7).
    """

    identity: IdentityBody
    workspace: str
    image: str
    action: Action
    confirms: bool = False
    seen: str | None = None


class CheckAnswer(Answer):
    """The authority's decision; `image` is None if there is no record."""

    reason: Reason
    role: Role
    readable: bool
    token: str
    image: "ImageBody | None" = None
    message: str | None = None
    """For a denial, what is in the way and the next step, as far as who asks may know."""
    decision_id: UUID | None = None
    """The record in the audit trail, where the authority keeps one; a gateway keeps those of its own questions."""
    as_of: datetime | None = None
    """Up to when everything is known that the decision rests on; None where facts don't age."""

    def decision(self) -> Decision:
        """The answer as the value that rules produce."""
        return Decision(self.reason, self.role, self.readable, ConsistencyToken.parse(self.token))


class ImageBody(Changed):
    """An image record as APIs show it. `workspace` is the slug, `name` the whole name."""

    id: UUID
    name: str
    workspace: str
    workspace_id: UUID
    repository: UUID
    repository_slug: str
    visibility: Visibility
    push_policy: PushPolicy
    state: ImageState
    link_gen: int
    acl_seq: int
    created_at: datetime
    publishers: list[PublisherBody] = Field(default_factory=list)
    consumer_repositories: list[UUID] = Field(default_factory=list)
    admin_override: bool = False
    deleted_at: datetime | None = None
    restorable_until: datetime | None = None
    """Of a deleted image: before then whoever could delete it can restore it, unless another one has its name."""
    token: str | None = None


class FirstPushRequest(Request):
    """A push to a name without a record: create it if §1.7 says so. `seen` is as in CheckRequest."""

    identity: IdentityBody
    workspace: str
    image: str
    seen: str | None = None


class CreateImageRequest(Request):
    """Create a record linked to `repository` (UUID or slug in the workspace)."""

    identity: IdentityBody
    workspace: str
    image: str
    repository: str


class FindImageRequest(Request):
    """The record with this id, or of this name, if `identity` may pull."""

    identity: IdentityBody
    id: UUID | None = None
    workspace: str | None = None
    image: str | None = None


class ListImagesRequest(Request):
    """The records of a workspace that `identity` may pull, by name, after `cursor`."""

    identity: IdentityBody
    workspace: str
    cursor: str | None = None
    limit: int = Field(default=100, ge=1, le=1000)


class ListImagesAnswer(Answer):
    """One page, that may be short; `cursor` asks for the next one, None ends."""

    images: list[ImageBody]
    cursor: str | None = None
    token: str


class SetImageRequest(Request):
    """Change what is given; needs ADMIN on the linked repository. A list replaces the whole list.

    `publishers` are environments of the linked repository, `consumer_repositories` UUIDs or slugs in the workspace.
    """

    identity: IdentityBody
    id: UUID
    visibility: Visibility | None = None
    push_policy: PushPolicy | None = None
    publishers: list[PublisherBody] | None = Field(default=None, max_length=MOST_PUBLISHERS)
    consumer_repositories: list[str] | None = Field(default=None, max_length=MOST_CONSUMERS)
    admin_override: bool | None = None


class RelinkImageRequest(Request):
    """Link the image to another repository (UUID or slug) of its workspace: ADMIN on both, or workspace owner."""

    identity: IdentityBody
    id: UUID
    repository: str
    visibility: Visibility | None = None


class DeleteImageRequest(Request):
    """Delete the record; its name is free at once, and for a while it can be restored. Needs ADMIN."""

    identity: IdentityBody
    id: UUID


class SetWorkspaceRequest(Request):
    """Change our settings of a workspace; its owners and the operator may."""

    identity: IdentityBody
    workspace: str
    allow_public: bool | None = None
    default_push_policy: PushPolicy | None = None
    default_publishers: list[PublisherBody] | None = Field(default=None, max_length=MOST_PUBLISHERS)
    pipeline_create: bool | None = None


class WorkspaceBody(Changed):
    """A workspace with our settings of it."""

    id: UUID
    slug: str
    allow_public: bool
    default_push_policy: PushPolicy
    default_publishers: list[PublisherBody] = Field(default_factory=list)
    pipeline_create: bool = False
    token: str


class TokenSpec(Request):
    """What a new personal token is for."""

    name: str = Field(min_length=1, max_length=100)
    scopes: frozenset[Scope] = ALL_SCOPES
    days: int | None = Field(default=90, ge=1, le=3650)


class CreateTokenRequest(Request):
    """Mint a personal token for `user` (account name or UUID; the operator only), or for who asks."""

    identity: IdentityBody
    user: str | None = None
    spec: TokenSpec


class TokenBody(Answer):
    """A personal token, without its secret."""

    id: UUID
    name: str
    user: UUID
    account: str | None
    scopes: frozenset[Scope]
    created_at: datetime
    expires: datetime | None
    revoked: bool


class CreateTokenAnswer(Changed):
    """The new token and its secret, shown once (R54), and the position from which on replicas know it."""

    token: TokenBody
    secret: str = Field(repr=False)
    consistency_token: str | None = None


class ListTokensRequest(Request):
    """The tokens of who asks, or of `user` for the operator."""

    identity: IdentityBody
    user: str | None = None


class ListTokensAnswer(Answer):
    """All of them, newest first."""

    tokens: list[TokenBody]


class RevokeTokenRequest(Request):
    """End a token; who owns it and the operator may."""

    identity: IdentityBody
    token: UUID


class RevokeTokenAnswer(Changed):
    """The position from which on it is refused."""

    consistency_token: str


class IngestAnswer(Answer):
    """What became of a batch of facts (authorization.md §2.5, H3)."""

    applied: int
    unchanged: int
    stale_dropped: int
    conflicts: int
    refused: list[dict[str, Any]]
    token: str
