"""The audit trail: what was decided about whom, when, on which ground (authorization.md §4). No secret is in it.

A record travels from gateways to permissions and from there to who may read it; unknown fields are ignored both ways:
a record from a newer gateway is worth more than none.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final, Self, TypedDict, Unpack
from uuid import UUID

from pydantic import Field

from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.decision import Decision
from moorage.access.decision_id import new_decision_id
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.publisher_body import RunBody
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.access.wire import Answer, IdentityBody, Request, Via

MOST_RECORDS: Final = 150
"""Records in one batch; with the bounds of their fields they stay below what one request may hold."""


class Mode(StrEnum):
    """Who decided: a gateway by fresh facts, the authority at head, or a gateway past the bound (§3.3)."""

    LOCAL = "local"
    AUTHORITY = "authority"
    STALE = "stale"


class Deed(StrEnum):
    """What is audited: the actions on images, and what the management API changes."""

    PULL = "pull"
    PUSH = "push"
    DELETE_TAG = "delete-tag"
    DELETE = "delete"
    MANAGE = "manage"
    CREATE_IMAGE = "create-image"
    SET_IMAGE = "set-image"
    RELINK_IMAGE = "relink-image"
    DELETE_IMAGE = "delete-image"
    RESTORE_IMAGE = "restore-image"
    LIST_DELETED_TAGS = "list-deleted-tags"
    RESTORE_TAG = "restore-tag"
    RESTORE_MANIFEST = "restore-manifest"
    SET_WORKSPACE = "set-workspace"
    PUBLIC_DISABLED = "public_disabled"
    CREATE_TOKEN = "create-token"  # noqa: S105 - the name of a deed, not a secret
    REVOKE_TOKEN = "revoke-token"  # noqa: S105 - the same
    CONFIRM_SWEEP = "confirm-sweep"
    DISCARD_SWEEP = "discard-sweep"
    ACCEPT_TOPIC = "accept-topic"

    @property
    def action(self) -> Action | None:
        """The action on the image of a name that the rules were asked for; None where there was no such question."""
        return _ASKED.get(self) or (Action(self.value) if self.value in _ACTIONS else None)


ASKED: Final = "asked"
"""In a record's `change`, for a deed that takes several rights: the action whose right decided."""
_ACTIONS: Final = frozenset(action.value for action in Action)
_ASKED: Final = {
    Deed.SET_IMAGE: Action.MANAGE,
    Deed.RELINK_IMAGE: Action.MANAGE,
    Deed.DELETE_IMAGE: Action.DELETE,
}


class Circumstances(TypedDict, total=False):
    """What the maker of an AuditRecord knows beside the decision; see there."""

    name: str
    workspace: UUID | None
    image: UUID | None
    staleness_ms: int | None
    via: Via | None
    change: dict[str, str]


class AuditRecord(Answer):
    """One decision. `name` is what was asked for, with its workspace; `image` what bore the name then.

    `epoch` and `seq` are the position that was decided at. `readable` says whether the principal might know of the
    image: to who might not, a record tells no more than the answer did. `change` is what was set, in words.
    """

    decision: UUID
    at: datetime
    allow: bool
    deed: Deed
    reason: Reason
    principal: PrincipalKind
    principal_id: UUID | None = None
    credential: UUID | None = None
    run: RunBody | None = None
    name: str = Field(default="", max_length=255)
    workspace: UUID | None = None
    image: UUID | None = None
    role: Role = Role.NONE
    readable: bool = False
    epoch: int = Field(ge=0)
    seq: int = Field(ge=0)
    staleness_ms: int | None = Field(default=None, ge=0)
    mode: Mode
    via: Via | None = None
    change: dict[str, str] = Field(default_factory=dict, max_length=20)

    @classmethod
    def of(
        cls, identity: Identity, deed: Deed, decided: Decision, at: datetime, mode: Mode, **more: Unpack[Circumstances]
    ) -> Self:
        """A record with a new id, that says who asked for what, and how it was decided; the rest is the caller's."""
        return cls(
            **more,
            decision=new_decision_id(at),
            at=at,
            allow=decided.allowed,
            deed=deed,
            reason=decided.reason,
            principal=identity.principal.kind,
            principal_id=identity.principal.id,
            credential=identity.credential,
            run=RunBody.of(identity.run) if identity.run else None,
            role=decided.role,
            readable=decided.readable,
            epoch=decided.token.epoch,
            seq=decided.token.seq,
            mode=mode,
        )

    @property
    def action(self) -> Action | None:
        """The action that the rules were asked for, on the image of that name; None without such a question."""
        asked = self.change.get(ASKED)
        return Action(asked) if asked in _ACTIONS else self.deed.action

    @property
    def who(self) -> Principal:
        """Whom it is about."""
        return Principal(self.principal, self.principal_id)

    @property
    def token(self) -> ConsistencyToken:
        """The position that was decided at."""
        return ConsistencyToken(self.epoch, self.seq)

    def to_principal(self) -> Self:
        """What the principal itself may read: of an image it may not know of, what the answer said and no more."""
        return self if self.readable else self.model_copy(update={"workspace": None, "image": None, "role": Role.NONE})


class KeepAuditRequest(Request):
    """Keep these records; one that is kept already stays as it is."""

    records: list[AuditRecord] = Field(max_length=MOST_RECORDS)


class KeepAuditAnswer(Answer):
    """How many are kept now that were not before."""

    kept: int


class ListAuditRequest(Request):
    """The records that `identity` may read and that fit, newest first, after `cursor`.

    `workspace` is a slug, `image` a whole name or a UUID, `about` a principal: account, UUID or `<kind>:<uuid>`.
    """

    identity: IdentityBody
    workspace: str | None = Field(default=None, max_length=255)
    image: str | None = Field(default=None, max_length=255)
    about: str | None = Field(default=None, max_length=255)
    allow: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = Field(default=None, max_length=80)
    limit: int = Field(default=100, ge=1, le=1000)


class ListAuditAnswer(Answer):
    """One page; `cursor` asks for the next one, None ends."""

    records: list[AuditRecord]
    cursor: str | None = None


class FindDecisionRequest(Request):
    """The record behind a decision's id."""

    identity: IdentityBody
    decision: UUID
