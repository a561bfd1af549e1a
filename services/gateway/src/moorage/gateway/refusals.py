"""A denial as the distribution API says it: which status, and what may be told (§7.4 of the protocol, V3, §4).

Without pull, absent and hidden read the same, so nothing here looks at the image of such an outcome.
"""

from collections.abc import Sequence
from typing import Final

from moorage.access.action import Action
from moorage.access.reason import Reason
from moorage.gateway.access import NOT_LET_IN
from moorage.gateway.caller import Caller
from moorage.gateway.challenge import Challenge, Fault
from moorage.gateway.outcome import Outcome
from moorage.oci.errors import Denied, NameUnknown, RegistryError
from moorage.oci.reference import ImageName

_UNKNOWN: Final = (
    "no image of this name is available to you; check its spelling, or ask an admin of the repository it belongs to "
    "for read access"
)
_NO_PUSH: Final = (
    "you may not push an image of this name; ask an admin of the repository it belongs to for write access"
)
_ABSENT: Final = {
    Reason.RECORD_MISSING: (
        "no image of this name is available to you; an admin of repository {repository} can create it"
    ),
    Reason.REPOSITORY_REQUIRED: (
        "the first part of an image's name is the repository it belongs to, and there is no repository {repository}; "
        "create the image first, linked to a repository"
    ),
    Reason.REPOSITORY_ARCHIVED: "repository {repository} is archived: nothing new can be pushed to it",
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
    Reason.IMMUTABLE_TAG: "the tag can't be moved; push under another one",
    Reason.PROTECTED_TAG: "the tag is protected; ask an admin of the image's repository",
}


def of_scope(challenge: Challenge, caller: Caller, wanted: Sequence[str]) -> RegistryError:
    """What was shown may never be used for this; the same for every image (V5)."""
    if caller.by_token:
        message = "the token does not cover this; ask for one that does"
    elif caller.anonymous:
        return challenge.bearer("log in first", wanted)
    else:
        message = "the credential may not be used for this; use one with a wider scope"
    return challenge.bearer(message, wanted, Fault.INSUFFICIENT_SCOPE)


def of_denial(
    challenge: Challenge, caller: Caller, name: ImageName, action: Action, outcome: Outcome, wanted: Sequence[str]
) -> RegistryError:
    """The refusal that says why, to whom it may be said; `wanted` are the scopes of a challenge."""
    reason = outcome.decision.reason
    if reason in NOT_LET_IN:
        return _not_let_in(challenge, caller, reason, wanted)
    if outcome.decision.readable:
        return Denied(_READABLE.get(reason, "you may not do this"), detail={"reason": reason.value})
    return _hidden(name, action, reason)


def unknown_name() -> NameUnknown:
    """No image of this name, as far as who asks may know."""
    return NameUnknown(_UNKNOWN)


def _hidden(name: ImageName, action: Action, reason: Reason) -> RegistryError:
    if action is not Action.PUSH:
        return unknown_name()
    if reason in _ABSENT:
        message = _ABSENT[reason].format(repository=name.image.partition("/")[0])
        return Denied(message, detail={"reason": reason.value})
    return Denied(_NO_PUSH, detail={"reason": Reason.NO_WRITE.value})


def _not_let_in(challenge: Challenge, caller: Caller, reason: Reason, wanted: Sequence[str]) -> RegistryError:
    if reason is Reason.UNAUTHENTICATED:
        return challenge.bearer("log in first", wanted)
    if reason is Reason.SCOPE:
        return of_scope(challenge, caller, wanted)
    return challenge.bearer(
        "this login is no longer valid; log in again", wanted, Fault.INVALID_TOKEN if caller.by_token else None
    )
