"""The closed list of reasons (authorization.md §4): each has its status, which depends on what may be known."""

from uuid import uuid4

import pytest

from moorage.access.action import Action
from moorage.access.consistency import ORIGIN
from moorage.access.decision import Decision
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.gateway.caller import Caller
from moorage.gateway.challenge import Challenge
from moorage.gateway.outcome import Outcome
from moorage.gateway.refusals import Attempt, of_denial
from moorage.oci.errors import RegistryError
from moorage.oci.reference import ImageName

WITH_PULL = {
    Reason.UNAUTHENTICATED: (401, "UNAUTHORIZED"),
    Reason.NO_WRITE: (403, "DENIED"),
    Reason.NOT_ADMIN: (403, "DENIED"),
    Reason.PIPELINES_ONLY: (403, "DENIED"),
    Reason.ADMINS_ONLY: (403, "DENIED"),
    Reason.ENVIRONMENT_NOT_PUBLISHER: (403, "DENIED"),
    Reason.BRANCH_NOT_ALLOWED: (403, "DENIED"),
    Reason.SCOPE: (401, "UNAUTHORIZED"),
    Reason.REPOSITORY_ARCHIVED: (403, "DENIED"),
    Reason.DETACHED: (403, "DENIED"),
    Reason.SUSPENDED: (403, "DENIED"),
    Reason.PRINCIPAL_INACTIVE: (401, "UNAUTHORIZED"),
    Reason.CREDENTIAL_REVOKED: (401, "UNAUTHORIZED"),
    Reason.CREDENTIAL_EXPIRED: (401, "UNAUTHORIZED"),
    Reason.PUBLIC_DISABLED: (403, "DENIED"),
    Reason.LINK_CHANGED: (400, "BLOB_UPLOAD_INVALID"),
    Reason.IMMUTABLE_TAG: (403, "DENIED"),
    Reason.PROTECTED_TAG: (403, "DENIED"),
    Reason.STALE: (503, "UNAVAILABLE"),
    Reason.AUTHORITY_STALE: (503, "UNAVAILABLE"),
    Reason.NOT_READY: (503, "UNAVAILABLE"),
}
ABOUT_NAMES = (Reason.NO_READ, Reason.RECORD_MISSING, Reason.REPOSITORY_REQUIRED, Reason.EXPIRED)
"""Reasons that are given to who has no pull only."""
WHOEVER_ASKS = {401, 503}


def refused(reason: Reason, action: Action, *, readable: bool) -> RegistryError:
    """How a denial for this reason is told."""
    caller = Caller(Identity(Principal(PrincipalKind.USER, uuid4())))
    attempt = Attempt(caller, ImageName.parse("acme/hello/api"), action, ["repository:acme/hello/api:push"], uuid4())
    decision = Decision(reason, Role.NONE, readable, ORIGIN)
    return of_denial(Challenge("https://registry.example/token", "registry.example"), attempt, Outcome(decision))


def test_the_list_is_closed() -> None:
    """Whoever adds a reason says here how it is told."""
    assert set(Reason) == WITH_PULL.keys() | set(ABOUT_NAMES) | {Reason.OK}


@pytest.mark.parametrize("reason", WITH_PULL)
def test_with_pull_the_reason_is_told(reason: Reason) -> None:
    """With its own status, and in the detail, with the decision's id."""
    error = refused(reason, Action.PUSH, readable=True)
    assert (error.status, error.code.value[0] if isinstance(error.code.value, tuple) else error.code.value) == (
        WITH_PULL[reason]
    )
    assert isinstance(error.detail, dict)
    assert error.detail["reason"] == reason.value
    assert error.detail["decision"]


@pytest.mark.parametrize("reason", [*WITH_PULL, *ABOUT_NAMES])
def test_without_pull_a_read_is_not_found(reason: Reason) -> None:
    """All reasons look alike, but for those that are about who asks, or about the registry (V3)."""
    error, absent = (refused(each, Action.PULL, readable=False) for each in (reason, Reason.NO_READ))
    expected = WITH_PULL.get(reason, (404,))[0]
    assert error.status == (expected if expected in WHOEVER_ASKS else 404)
    if error.status == 404:
        assert (error.message, error.code) == (absent.message, absent.code)


@pytest.mark.parametrize("reason", [*WITH_PULL, *ABOUT_NAMES])
def test_without_pull_a_write_is_denied(reason: Reason) -> None:
    """With the reasons of §1.7, which are about names, or the generic one."""
    error = refused(reason, Action.PUSH, readable=False)
    expected = WITH_PULL.get(reason, (403,))[0]
    assert error.status == (expected if expected in WHOEVER_ASKS else 403)
