"""What services say to one another to explain access: why, who, what, what has changed, and what would (§4).

`at` is a position, `zt1.<epoch>.<seq>`, an instant (RFC 3339), or both with an @ between them: decisions depend on time
as well, as where a credential expires. Without `at` it is now, at head.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from moorage.access.action import Action
from moorage.access.publisher_body import RunBody
from moorage.access.reason import Reason
from moorage.access.wire import Answer, IdentityBody, Request

MOST_CHANGES: Final = 100
At = Annotated[str, StringConstraints(max_length=100)]
RoleWord = Literal["read", "write", "admin"]
Limit = Annotated[int, Field(ge=1, le=500)]


class ClaimsBody(Request):
    """A pipeline that might run: its repository (UUID or slug), and what else its claims would say."""

    repository: str
    run: RunBody = Field(default_factory=RunBody)


class ExplainRequest(Request):
    """Why may, or may not, somebody do `action` with the image?

    Somebody is who asks; or `principal` (account or UUID); or a pipeline with these `claims`.
    """

    identity: IdentityBody
    principal: str | None = None
    claims: ClaimsBody | None = None
    workspace: str
    image: str
    action: Action
    at: At | None = None


class PathStep(Answer):
    """One fact on a path that gives a role: since when it says so, by which event and whom, as far as that is known."""

    fact: str
    text: str
    version: int
    event: str | None = None
    seq: int = 0
    since: datetime | None = None
    by: str | None = None


class RolePath(Answer):
    """A role and the facts it follows from."""

    role: str
    via: list[PathStep]


class ChangeBody(Answer):
    """A change: where in the one order, when, what it says, and who made it by which event."""

    seq: int
    at: datetime | None = None
    text: str
    by: str | None = None
    event: str | None = None


class Filter(Answer):
    """Something that can only take away; `change` is the one that set it, if it is remembered."""

    name: str
    passed: bool
    value: str | list[str] | None = None
    needs: str | None = None
    change: ChangeBody | None = None


class Explanation(Answer):
    """A decision with all that led to it (authorization.md §4).

    `would_allow` lists what would have to change (`if`) and, as far as who asks may know, `who` can do that.
    """

    decision: str
    reason: Reason
    message: str | None = None
    action: Action
    image: str
    principal: str
    token: str
    as_of: datetime
    effective_role: str
    paths: list[RolePath]
    filters: list[Filter]
    would_allow: list[dict[str, str | list[str]]]
    recent_changes: list[ChangeBody]


class WhoCanRequest(Request):
    """Who has at least `role` on the image? Admins of its repository and owners of the workspace may ask."""

    identity: IdentityBody
    image: UUID
    role: RoleWord = "read"
    at: At | None = None
    cursor: str | None = Field(default=None, max_length=200)
    limit: Limit = 100


class Holder(Answer):
    """A user with a role on an image; the `paths` are the strongest ones."""

    user: UUID
    account: str | None
    active: bool
    role: str
    paths: list[RolePath]


class RobotHolder(Answer):
    """A robot's credential with a role on an image, in force at the time of the answer; `paths` says by which bound."""

    credential: UUID
    name: str
    role: str
    scopes: list[str]
    expires: datetime | None
    paths: list[RolePath]


class WhoCanAnswer(Answer):
    """One page, complete at `token`: users and robots in one order. `beside` says who may pull without a role."""

    image: str
    repository: str
    repository_state: str
    beside: list[str]
    holders: list[Holder]
    robots: list[RobotHolder] = Field(default_factory=list)
    cursor: str | None = None
    token: str
    as_of: datetime


class WhatCanRequest(Request):
    """On which images of the workspace has the user at least `role`? Of others, who asks sees what they administer."""

    identity: IdentityBody
    user: str
    workspace: str
    role: RoleWord = "read"
    at: At | None = None
    cursor: str | None = Field(default=None, max_length=400)
    limit: Limit = 100


class Holding(Answer):
    """An image on which a user has a role; the `paths` are the strongest ones."""

    id: UUID
    name: str
    role: str
    paths: list[RolePath]


class WhatCanAnswer(Answer):
    """One page by name, complete at `token`."""

    user: UUID
    account: str
    active: bool
    images: list[Holding]
    cursor: str | None = None
    token: str
    as_of: datetime


class ImageDiffRequest(Request):
    """Whose role on the image differs between two positions, and by which changes? `until` is head if missing."""

    identity: IdentityBody
    image: UUID
    since: At
    until: At | None = None
    cursor: str | None = Field(default=None, max_length=200)
    limit: Limit = 100


class UserDiffRequest(Request):
    """On which images of the workspace does the user's role differ between two positions?"""

    identity: IdentityBody
    user: str
    workspace: str
    since: At
    until: At | None = None
    cursor: str | None = Field(default=None, max_length=400)
    limit: Limit = 100


class Difference(Answer):
    """A role that was gained or lost; `by` are the changes in between that touch it, newest first."""

    image: str
    principal: str
    before: str
    after: str
    by: list[ChangeBody]


class DiffAnswer(Answer):
    """One page; `token` is the newer position."""

    since: str
    token: str
    differences: list[Difference]
    cursor: str | None = None


class Try(Request):
    """A change to be tried: an event as a source would send it (its `data` may lack a version), or one of ours."""

    fact: dict[str, Any] | None = None
    image: str | None = None
    set: dict[str, Any] | None = None
    """As SetImageRequest has it."""
    repository: str | None = None
    """The image's new repository."""


class PreviewRequest(Request):
    """Who would gain and lose what on which images of the workspace? Nothing is kept.

    Who asks is told of the images that they administer.
    """

    identity: IdentityBody
    workspace: str
    changes: list[Try] = Field(min_length=1, max_length=MOST_CHANGES)


class Effect(Answer):
    """What a principal may do with an image before and after."""

    image: str
    principal: str
    before: list[Action]
    after: list[Action]
    role_before: str
    role_after: str


class PreviewAnswer(Answer):
    """Every difference. `refused` are changes that could not be made, by their place in the list."""

    token: str
    effects: list[Effect]
    refused: list[dict[str, Any]] = Field(default_factory=list)


class OffboardingRequest(Request):
    """Since when does every gateway refuse the user? Owners of the workspace and the operator may ask."""

    identity: IdentityBody
    user: str
    workspace: str | None = None


class GatewayStanding(Answer):
    """How far one gateway has come; it may have allowed the user up to `applied` if that is before the deactivation."""

    gateway: UUID
    name: str | None = None
    applied: str
    seen_at: datetime
    refuses: bool


class OffboardingAnswer(Answer):
    """The deactivation, and where it has arrived; `everywhere` if all gateways that are known refuse the user."""

    user: UUID
    account: str
    active: bool
    deactivated: ChangeBody | None = None
    token: str
    gateways: list[GatewayStanding]
    everywhere: bool
