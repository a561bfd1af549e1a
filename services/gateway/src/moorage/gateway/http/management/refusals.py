"""A denial of what content is about, as the management API says it (V3)."""

from uuid import UUID

from moorage.access.action import Action
from moorage.access.problems import CredentialUnknown, Forbidden, NotFound, Problem, ServiceUnavailable
from moorage.access.reason import Reason
from moorage.gateway.access import NOT_LET_IN
from moorage.gateway.outcome import Outcome
from moorage.oci.reference import ImageName

_UNABLE = frozenset({Reason.STALE, Reason.AUTHORITY_STALE, Reason.NOT_READY})


def refused(outcome: Outcome, name: ImageName, action: Action, decision: UUID) -> Problem:
    """Forbidden with its reason to who may know of the image, NotFound to who may not."""
    problem = _kind(outcome, name, action)
    problem.decision = decision
    return problem


def _kind(outcome: Outcome, name: ImageName, action: Action) -> Problem:
    reason = outcome.decision.reason
    if reason in _UNABLE:
        return ServiceUnavailable("the registry can't verify your rights right now; try again in a few seconds")
    if reason in NOT_LET_IN and reason is not Reason.SCOPE:
        return CredentialUnknown("this login is no longer valid; log in again")
    if not outcome.decision.readable and reason is not Reason.SCOPE:
        return NotFound("nothing of this name is available to you")
    return Forbidden(
        f"you may not do this with {name}; why: moorage explain {name} {action.value}", reason=reason.value
    )
