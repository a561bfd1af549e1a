"""Denials in words: what is in the way, and the next step (authorization.md §4), as far as who asks may know (V3)."""

from typing import Final

from moorage.access.principal import Identity, PrincipalKind
from moorage.access.problems import Forbidden, NotFound, Problem
from moorage.access.reason import Reason

_SENTENCES: Final = {
    Reason.UNAUTHENTICATED: "log in first: docker login, or moorage login",
    Reason.NO_READ: "nothing of this name is available to you",
    Reason.NO_WRITE: "you need write on the linked repository; ask one of its admins",
    Reason.NOT_ADMIN: "you need admin on the linked repository; ask one of its admins",
    Reason.REPOSITORY_REQUIRED: "no repository has the name's first part; "
    "create the image first: moorage image create {name} --repository <repository>",
    Reason.PIPELINES_ONLY: "this image is published by pipelines only; push from a pipeline of its repository, "
    "or ask an image admin to change the push policy",
    Reason.ADMINS_ONLY: "only admins of the repository may publish this image; ask one of them",
    Reason.ENVIRONMENT_NOT_PUBLISHER: "the pipeline's environment is not among the image's publishers; "
    "ask an image admin to add it",
    Reason.BRANCH_NOT_ALLOWED: "pipelines of this branch may not publish the image; ask an image admin",
    Reason.SCOPE: "the credential's scopes do not cover this; use one with more scopes",
    Reason.REPOSITORY_ARCHIVED: "the linked repository is archived; restore it on the code host to push again",
    Reason.DETACHED: "the linked repository is gone; a workspace owner can link the image to another one",
    Reason.EXPIRED: "the image was removed",
    Reason.SUSPENDED: "the workspace is suspended; ask the site's operator",
    Reason.PRINCIPAL_INACTIVE: "the account is not active; ask your administrator",
    Reason.CREDENTIAL_REVOKED: "the credential was revoked; create a new one",
    Reason.CREDENTIAL_EXPIRED: "the credential has expired; create a new one",
    Reason.PUBLIC_DISABLED: "the workspace does not allow public images; ask one of its owners",
}


def sentence(reason: Reason, name: str) -> str:
    """What is in the way of doing something with the image called `name` (with its workspace), and what to do."""
    if reason is Reason.RECORD_MISSING:
        repository = name.split("/")[1]
        return (
            f"no image of this name is available to you; an admin of repository {repository} can create it: "
            f"moorage image create {name} --repository {repository}"
        )
    return _SENTENCES.get(reason, "this is not allowed").format(name=name)


def refusal(reason: Reason, readable: bool, name: str) -> Problem:
    """Forbidden with its reason to who may know of the image, NotFound to who may not; anonymous is asked to log in."""
    if readable or reason is Reason.UNAUTHENTICATED:
        return Forbidden(sentence(reason, name), reason=reason.value)
    return NotFound(_SENTENCES[Reason.NO_READ])


def missing(identity: Identity) -> Problem:
    """What `refusal` says of something that exists and is hidden, for something that does not exist."""
    anonymous = identity.principal.kind is PrincipalKind.ANONYMOUS
    return refusal(Reason.UNAUTHENTICATED if anonymous else Reason.NO_READ, False, "")
