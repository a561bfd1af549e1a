"""A denial as the distribution API says it: which status, and what may be told (§7.4 of the protocol, V3, §4).

Without pull, absent and hidden read the same, so nothing here looks at the image of such an outcome. Whoever may know
of the image learns which right is missing and how to ask why; everyone learns under which id the decision is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from moorage.access.action import Action
from moorage.access.reason import Reason
from moorage.gateway.access import NOT_LET_IN
from moorage.gateway.caller import Caller
from moorage.gateway.challenge import Challenge, Fault
from moorage.gateway.outcome import Outcome
from moorage.oci.errors import Denied, NameUnknown, RegistryError, Unauthenticated, Unavailable, UploadInvalid
from moorage.oci.reference import ImageName

_UNKNOWN: Final = (
    "no image of this name is available to you; check its spelling, or ask an admin of the repository it belongs to "
    "for read access"
)
_NO_PUSH: Final = (
    "you may not push an image of this name; ask an admin of the repository it belongs to for write access"
)
_CANT_TELL: Final = "the registry can't verify your rights right now; try again in a few seconds"
_ABSENT: Final = {
    Reason.RECORD_MISSING: (
        "no image of this name is available to you; an admin of repository {repository} can create it"
    ),
    Reason.REPOSITORY_REQUIRED: (
        "the first part of an image's name is the repository it belongs to, and there is no repository {repository}; "
        "create the image first, linked to a repository"
    ),
    Reason.REPOSITORY_ARCHIVED: "repository {repository} is archived: nothing new can be pushed to it",
    Reason.PIPELINES_ONLY: (
        "only pipelines publish in this workspace; create the image, and a pipeline of repository {repository} "
        "that is among its publishers can push it"
    ),
    Reason.SUSPENDED: "the workspace is suspended; ask the registry's operator",
}
_READABLE: Final = {
    Reason.NO_WRITE: "this needs write on the image's repository; ask one of its admins for it",
    Reason.NOT_ADMIN: "this needs admin on the image's repository; ask one of its admins",
    Reason.PIPELINES_ONLY: "only pipelines may publish this image; push it from one, or ask an admin to change that",
    Reason.ADMINS_ONLY: "only admins of the image's repository may publish it; ask one of them",
    Reason.ENVIRONMENT_NOT_PUBLISHER: "this pipeline may not publish the image; an admin can add its environment",
    Reason.BRANCH_NOT_ALLOWED: "pipelines of this branch may not publish the image; an admin can allow the branch",
    Reason.REPOSITORY_ARCHIVED: "the image's repository is archived: nothing new can be pushed",
    Reason.DETACHED: "the image's repository is gone; an owner of the workspace can link the image to another one",
    Reason.SUSPENDED: "the workspace is suspended; ask the registry's operator",
    Reason.PUBLIC_DISABLED: "the workspace has no public images; ask one of its owners",
    Reason.IMMUTABLE_TAG: "the tag can't be moved; push under another one",
    Reason.PROTECTED_TAG: "the tag is protected; ask an admin of the image's repository",
}
_UNABLE: Final = frozenset({Reason.STALE, Reason.AUTHORITY_STALE, Reason.NOT_READY})
"""Reasons that are no decision: nobody who knows could be asked."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was refused: whose, on which name; `wanted` are the scopes of a challenge, `decision` is the record's id."""

    caller: Caller
    name: ImageName
    action: Action
    wanted: Sequence[str]
    decision: UUID

    def detail(self, reason: Reason) -> dict[str, str]:
        """What every refusal tells programs (§4)."""
        return {"reason": reason.value, "decision": str(self.decision)}


def of_scope(challenge: Challenge, attempt: Attempt) -> Unauthenticated:
    """What was shown may never be used for this; the same for every image (V5)."""
    caller = attempt.caller
    if caller.anonymous and not caller.by_token:
        return _challenged(challenge, attempt, Reason.UNAUTHENTICATED, "log in first", None)
    message = (
        "the token does not cover this; ask for one that does"
        if caller.by_token
        else "the credential may not be used for this; use one with a wider scope"
    )
    return _challenged(challenge, attempt, Reason.SCOPE, message, Fault.INSUFFICIENT_SCOPE)


def of_denial(challenge: Challenge, attempt: Attempt, outcome: Outcome) -> RegistryError:
    """The refusal that says why, to whom it may be said."""
    reason = outcome.decision.reason
    if reason in NOT_LET_IN:
        return _not_let_in(challenge, attempt, reason)
    if reason in _UNABLE:
        return Unavailable(_CANT_TELL, detail=attempt.detail(reason))
    return _readable(attempt, reason) if outcome.decision.readable else _hidden(attempt, reason)


def unknown_name(decision: UUID | None = None) -> NameUnknown:
    """No image of this name, as far as who asks may know."""
    detail = {"reason": Reason.NO_READ.value, "decision": str(decision)} if decision else None
    return NameUnknown(_UNKNOWN, detail=detail)


def _readable(attempt: Attempt, reason: Reason) -> RegistryError:
    detail = attempt.detail(reason)
    if reason is Reason.LINK_CHANGED:
        return UploadInvalid("the image was linked to another repository; begin the upload again", detail=detail)
    sentence = _READABLE.get(reason, "you may not do this")
    return Denied(f"{sentence}; why: moorage explain {attempt.name} {attempt.action.value}", detail=detail)


def _hidden(attempt: Attempt, reason: Reason) -> RegistryError:
    if attempt.action is not Action.PUSH:
        return unknown_name(attempt.decision)
    if reason in _ABSENT:
        message = _ABSENT[reason].format(repository=attempt.name.image.partition("/")[0])
        return Denied(message, detail=attempt.detail(reason))
    return Denied(_NO_PUSH, detail=attempt.detail(Reason.NO_WRITE))


def _not_let_in(challenge: Challenge, attempt: Attempt, reason: Reason) -> RegistryError:
    if reason is Reason.UNAUTHENTICATED:
        return _challenged(challenge, attempt, reason, "log in first", None)
    if reason is Reason.SCOPE:
        return of_scope(challenge, attempt)
    fault = Fault.INVALID_TOKEN if attempt.caller.by_token else None
    return _challenged(challenge, attempt, reason, "this login is no longer valid; log in again", fault)


def _challenged(
    challenge: Challenge, attempt: Attempt, reason: Reason, message: str, fault: Fault | None
) -> Unauthenticated:
    refusal = challenge.bearer(message, attempt.wanted, fault)
    refusal.detail = attempt.detail(reason)
    return refusal
