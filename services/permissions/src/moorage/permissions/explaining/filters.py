"""Everything that can only take away, read off what the decision was made on, with the change that set it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from moorage.access import rules
from moorage.access.action import Action
from moorage.access.explain_wire import Filter
from moorage.access.image import ImageState, PushPolicy
from moorage.access.principal import Identity, PrincipalKind, scopes_open
from moorage.access.reason import Reason
from moorage.access.rules import Standing
from moorage.permissions.explaining.words import change_body, differs
from moorage.permissions.history import Changed
from moorage.permissions.records import Image, Workspace

_SET_BY: Final = {
    "principal": ("user", "active"),
    "workspace_state": ("workspace", "state"),
    "repository_state": ("repository", "state"),
    "image_state": ("image", "state"),
    "push_policy": ("image", "push_policy"),
    "default_push_policy": ("workspace", "default_push_policy"),
    "publishers": ("image", "publishers"),
    "visibility": ("image", "visibility"),
}
_PUBLISHING: Final = (Reason.ENVIRONMENT_NOT_PUBLISHER, Reason.BRANCH_NOT_ALLOWED)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision with everything it was made on."""

    identity: Identity
    action: Action
    reason: Reason
    readable: bool
    standing: Standing
    workspace: Workspace
    image: Image


def filters(decided: Decided, changes: Sequence[Changed]) -> list[Filter]:
    """In the order in which the rules look; `changes` newest first."""
    return [_with_change(each, changes) for make in _FILTERS for each in make(decided)]


def _with_change(found: Filter, changes: Sequence[Changed]) -> Filter:
    kind, field = _SET_BY.get(found.name, ("", ""))
    set_by = next((each for each in changes if each.kind == kind and differs(each, field)), None)
    return found.model_copy(update={"change": change_body(set_by)}) if set_by else found


def _who(decided: Decided) -> list[Filter]:
    identity, standing = decided.identity, decided.standing
    expired = decided.reason is Reason.CREDENTIAL_EXPIRED
    return [
        Filter(name="principal", passed=standing.principal_active),
        Filter(name="credential", passed=standing.credential_active and not expired),
        Filter(
            name="scope",
            value=sorted(identity.scopes),
            passed=scopes_open(identity.scopes, decided.action),
        ),
        Filter(name="bound", passed=standing.inside_bound),
    ]


def _states(decided: Decided) -> list[Filter]:
    workspace, repository = decided.workspace.state, decided.standing.repository_state
    pushing = decided.action is Action.PUSH
    frozen = decided.reason is Reason.REPOSITORY_ARCHIVED and pushing
    return [
        Filter(name="workspace_state", value=workspace.value, passed=workspace.carries_roles),
        Filter(
            name="repository_state",
            value=repository.value,
            passed=repository.carries_roles and not frozen,
        ),
        Filter(
            name="image_state",
            value=decided.image.record.state.value,
            passed=decided.image.record.state is ImageState.ACTIVE,
        ),
    ]


def _role(decided: Decided) -> list[Filter]:
    role = rules.capped_role(decided.action, decided.identity, decided.standing)
    publishes = decided.identity.principal.kind is PrincipalKind.PIPELINE and decided.action is Action.PUSH
    enough = role >= decided.action.minimum or (decided.action is Action.PULL and decided.readable)
    needs = "publisher" if publishes else decided.action.minimum.word
    passed = role > 0 if publishes else enough
    return [Filter(name="role", value=role.word, needs=needs, passed=passed)]


def _visibility(decided: Decided) -> list[Filter]:
    if decided.action is not Action.PULL:
        return []
    return [Filter(name="visibility", value=decided.image.record.visibility.value, passed=decided.readable)]


def _policy(decided: Decided) -> list[Filter]:
    if decided.action not in (Action.PUSH, Action.DELETE_TAG):
        return []
    own, default = decided.image.record.push_policy, decided.workspace.publishing.policy
    refused = {
        Reason.PIPELINES_ONLY: PushPolicy.PIPELINES_ONLY,
        Reason.ADMINS_ONLY: PushPolicy.ADMINS_ONLY,
    }.get(decided.reason)
    found = [Filter(name="push_policy", value=own.value, passed=own is not refused)]
    if default is not PushPolicy.REPOSITORY_WRITE:
        found.append(Filter(name="default_push_policy", value=default.value, passed=default is not refused))
    if decided.identity.principal.kind is PrincipalKind.PIPELINE:
        listed = [str(each.environment or "any_pipeline") for each in decided.image.record.publishers]
        found.append(Filter(name="publishers", value=listed, passed=decided.reason not in _PUBLISHING))
    return found


_FILTERS: Final[Sequence[Callable[[Decided], list[Filter]]]] = (_who, _states, _role, _visibility, _policy)
