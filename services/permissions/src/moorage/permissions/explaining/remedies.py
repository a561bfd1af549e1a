"""What would have to change for a denial to become an allow, and who can do that (authorization.md §4)."""

from typing import Final

from moorage.access.reason import Reason

_OF_ADMINS: Final = {
    Reason.NO_READ: "an admin of the repository grants read",
    Reason.NO_WRITE: "an admin of the repository grants write",
    Reason.NOT_ADMIN: "an admin of the repository grants admin",
    Reason.PIPELINES_ONLY: "an image admin sets push_policy to repository_write",
    Reason.ADMINS_ONLY: "an image admin sets push_policy to repository_write, or grants admin",
    Reason.ENVIRONMENT_NOT_PUBLISHER: "an image admin adds the pipeline's environment to the publishers",
    Reason.BRANCH_NOT_ALLOWED: "an image admin lists the branch among the publisher's branches",
    Reason.DETACHED: "a workspace owner links the image to another repository",
    Reason.RECORD_MISSING: "an admin of the repository creates the image",
    Reason.REPOSITORY_REQUIRED: "somebody who administers a repository creates the image for it",
}
_OF_OTHERS: Final = {
    Reason.UNAUTHENTICATED: "who asks logs in",
    Reason.SCOPE: "a credential with more scopes is used",
    Reason.REPOSITORY_ARCHIVED: "the repository is restored on the code host",
    Reason.SUSPENDED: "the operator ends the suspension of the workspace",
    Reason.PRINCIPAL_INACTIVE: "the account is activated where accounts are kept",
    Reason.CREDENTIAL_REVOKED: "a credential that is not revoked is used",
    Reason.CREDENTIAL_EXPIRED: "a credential that has not expired is used",
}
_HIDDEN: Final = (Reason.NO_READ, Reason.NO_WRITE, Reason.NOT_ADMIN)


def remedies(reason: Reason, known: bool, admins: list[str]) -> list[dict[str, str | list[str]]]:
    """What would help. `known`: who asks may know of the image; else nothing is said that tells it apart."""
    if reason in _OF_OTHERS:
        return [{"if": _OF_OTHERS[reason]}]
    sentence = _OF_ADMINS.get(reason)
    if sentence is None or (reason in _HIDDEN and not known):
        return []
    return [{"if": sentence, "who": admins}] if admins else [{"if": sentence}]
