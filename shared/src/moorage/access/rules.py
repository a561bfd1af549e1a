"""The one rule that decides, given what facts say of one identity and one image (authorization.md §1.4-§1.9).

The gateway computes a `Standing` from its replica, permissions computes it in SQL, and both ask here: a decision, its
explanation and the authority's answer can't differ in anything but the facts.
"""

from datetime import datetime
from typing import Final, NamedTuple

from moorage.access import push_rules
from moorage.access.action import Action
from moorage.access.image import WRITERS_PUBLISH, ImageRecord, ImageState, NodeState, PublishingDefaults, Visibility
from moorage.access.principal import Identity, PrincipalKind, Scope, scopes_open
from moorage.access.reason import Reason
from moorage.access.role import Membership, Role

# Bound once: a member of an enumeration takes longer to look up than to compare, and every request comes through here.
_ANONYMOUS: Final = PrincipalKind.ANONYMOUS
_PIPELINE: Final = PrincipalKind.PIPELINE
_ROBOT: Final = PrincipalKind.ROBOT
_NEVER: Final = (PrincipalKind.ANONYMOUS, PrincipalKind.SERVICE)
_EVERYTHING: Final = Scope.ADMIN
_PULL: Final = Action.PULL
_PUSH: Final = Action.PUSH
_NONE: Final = Role.NONE
_READ: Final = Role.READ
_ADMIN: Final = Role.ADMIN
_PUBLIC: Final = Visibility.PUBLIC
_DETACHED: Final = ImageState.DETACHED
_SUSPENDED: Final = ImageState.SUSPENDED
_OVER: Final = (ImageState.EXPIRED, ImageState.DELETED)


class Standing(NamedTuple):
    """What facts say of one identity and one repository, at one position.

    `role` is the maximum over all paths before any filter, also for a repository that is no longer active.
    `membership` counts groups that own the workspace; a pipeline is a MEMBER where its repository is, a robot NONE.
    `inside_bound` says whether the credential's bound contains the repository or the image, `environment_live` whether
    the run's environment is a live one of the repository.
    """

    role: Role
    membership: Membership
    repository_state: NodeState
    workspace_state: NodeState = NodeState.ACTIVE
    allow_public: bool = False
    principal_active: bool = True
    credential_active: bool = True
    inside_bound: bool = True
    publishing: PublishingDefaults = WRITERS_PUBLISH
    environment_live: bool = False


class Verdict(NamedTuple):
    """A reason, the effective role after all caps, and whether the principal may know that the image exists."""

    reason: Reason
    role: Role
    readable: bool


def decide(action: Action, identity: Identity, standing: Standing, image: ImageRecord, now: datetime) -> Verdict:
    """Whether `identity` may do `action` with `image`, and the first thing that stands in the way."""
    excluded = _excluded(identity, standing, now)
    role = _NONE if excluded else _effective_role(action, identity, standing, image, now)
    readable = not excluded and _may_pull(role, identity, standing, image, now)
    return Verdict(excluded or _reason(action, role, readable, identity, standing, image), role, readable)


def first_push(identity: Identity, at: Standing | Membership, now: datetime) -> Reason:
    """Whether a push to a name without a record creates it (§1.7); `at` is the standing on the repository to be.

    Where the name resolves to none, it is what the principal is in the workspace, and the caller has asked before
    whether principal and credential are active. A pipeline's repository is that of its claims, whatever the name says.
    Who may push is judged by the workspace's defaults.
    """
    standing, membership = (None, at) if isinstance(at, Membership) else (at, at.membership)
    if identity.principal.kind is _ANONYMOUS:
        return Reason.UNAUTHENTICATED
    if excluded := _excluded(identity, standing, now):
        return excluded
    if not scopes_open(identity.scopes, _PUSH):
        return Reason.SCOPE
    if standing is None or not standing.repository_state.carries_roles:
        return Reason.REPOSITORY_REQUIRED if membership is Membership.OWNER else Reason.NO_WRITE
    role = capped_role(_PUSH, identity, standing)
    if role is _NONE:
        return Reason.NO_WRITE
    if not _may_create(role, identity, standing):
        return Reason.RECORD_MISSING
    return _closed(standing) or _first_policy_reason(role, identity, standing)


def unknown(
    action: Action, identity: Identity, principal_active: bool, credential_active: bool, now: datetime
) -> Reason:
    """Why `action` fails where no image is, or none that `identity` may know of: both sound alike (V3)."""
    if identity.principal.kind is _ANONYMOUS:
        return Reason.UNAUTHENTICATED
    nowhere = Standing(
        _NONE,
        Membership.NONE,
        NodeState.DELETED,
        principal_active=principal_active,
        credential_active=credential_active,
    )
    if excluded := _excluded(identity, nowhere, now):
        return excluded
    if not scopes_open(identity.scopes, action):
        return Reason.SCOPE
    return Reason.NO_READ if action is _PULL else _lacking(action)


def capped_role(action: Action, identity: Identity, standing: Standing) -> Role:
    """The facts' role, less what the credential's kind, bound and scopes take away (§1.4)."""
    if not standing.inside_bound or identity.principal.kind in _NEVER:
        return _NONE
    role = _robot_role(identity) if identity.principal.kind is _ROBOT else standing.role
    cap = _scope_cap(action, identity.scopes)
    return role if role <= cap else cap


def _robot_role(identity: Identity) -> Role:
    """A robot is bound to a node by definition: a role without a bound would count everywhere."""
    return identity.granted_role if identity.granted_role and identity.bound else _NONE


def _scope_cap(action: Action, scopes: frozenset[Scope]) -> Role:
    if _EVERYTHING in scopes:
        return _ADMIN
    deletion = action.minimum if action.deletes and Scope.DELETE in scopes else _NONE
    return max(deletion, Role.WRITE if Scope.WRITE in scopes else _READ if Scope.READ in scopes else _NONE)


def _excluded(identity: Identity, standing: Standing | None, now: datetime) -> Reason | None:
    if identity.principal.kind is _ANONYMOUS:
        return None
    if standing and not standing.principal_active:
        return Reason.PRINCIPAL_INACTIVE
    if standing and not standing.credential_active:
        return Reason.CREDENTIAL_REVOKED
    return Reason.CREDENTIAL_EXPIRED if identity.expires and identity.expires <= now else None


def _effective_role(action: Action, identity: Identity, standing: Standing, image: ImageRecord, now: datetime) -> Role:
    role = capped_role(action, identity, standing)
    if image.state is _DETACHED:
        owner = standing.membership is Membership.OWNER
        return role if owner else min(role, _READ) if _in_grace(image, now) else _NONE
    return role if standing.repository_state.carries_roles else _NONE


def _may_pull(role: Role, identity: Identity, standing: Standing, image: ImageRecord, now: datetime) -> bool:
    if image.state in _OVER:
        return False
    return (role >= _READ and scopes_open(identity.scopes, _PULL)) or _visible(identity, standing, image, now)


def _visible(identity: Identity, standing: Standing, image: ImageRecord, now: datetime) -> bool:
    if image.state is _DETACHED and not _in_grace(image, now):
        return False
    if image.visibility is _PUBLIC and standing.allow_public:
        return True
    if not (standing.membership.counts and standing.inside_bound and scopes_open(identity.scopes, _PULL)):
        return False
    if image.visibility is not Visibility.INHERIT:
        return True
    return identity.principal.kind is _PIPELINE and identity.principal.id in image.consumer_repositories


def _in_grace(image: ImageRecord, now: datetime) -> bool:
    return image.pull_grace_until is not None and now < image.pull_grace_until


def _reason(
    action: Action, role: Role, readable: bool, identity: Identity, standing: Standing, image: ImageRecord
) -> Reason:
    if identity.principal.kind is _ANONYMOUS and not (readable and action is _PULL):
        return Reason.UNAUTHENTICATED
    if not scopes_open(identity.scopes, action) and not (readable and action is _PULL):
        return Reason.SCOPE
    if image.state in _OVER:
        return Reason.EXPIRED
    if action is _PULL and not readable:
        return Reason.NO_READ
    if image.state is _SUSPENDED or not standing.workspace_state.carries_roles:
        return Reason.SUSPENDED
    if action is _PULL:
        return Reason.OK
    return _change_reason(action, role, identity, standing, image)


def _change_reason(action: Action, role: Role, identity: Identity, standing: Standing, image: ImageRecord) -> Reason:
    if image.state is _DETACHED and not (action in (Action.DELETE, Action.MANAGE) and role is _ADMIN):
        return Reason.DETACHED
    publishes = identity.principal.kind is _PIPELINE and action is _PUSH and role >= _READ
    if role < action.minimum and not publishes:
        return _lacking(action)
    if action is _PUSH and standing.repository_state is NodeState.ARCHIVED:
        return Reason.REPOSITORY_ARCHIVED
    policies = (image.push_policy, standing.publishing.policy)
    if publishes:
        live = standing.environment_live
        return push_rules.by_pipeline(identity.run, image.publishers, policies, environment_live=live)
    if action in (_PUSH, Action.DELETE_TAG):
        return push_rules.by_role(role, policies, admin_override=image.admin_override)
    return Reason.OK


def _lacking(action: Action) -> Reason:
    return Reason.NOT_ADMIN if action.minimum is _ADMIN else Reason.NO_WRITE


def _may_create(role: Role, identity: Identity, standing: Standing) -> bool:
    if identity.principal.kind is not _PIPELINE:
        return role is _ADMIN
    defaults, live = standing.publishing, standing.environment_live
    publishes = push_rules.by_pipeline(identity.run, defaults.publishers, (defaults.policy,), environment_live=live)
    return defaults.pipeline_create and publishes is Reason.OK


def _first_policy_reason(role: Role, identity: Identity, standing: Standing) -> Reason:
    """A person who may create is still under the policy that the new image would have: nothing is made in vain."""
    if identity.principal.kind is _PIPELINE:
        return Reason.OK
    return push_rules.by_role(role, (standing.publishing.policy,), admin_override=False)


def _closed(standing: Standing) -> Reason | None:
    if not standing.workspace_state.carries_roles:
        return Reason.SUSPENDED
    return Reason.REPOSITORY_ARCHIVED if standing.repository_state is NodeState.ARCHIVED else None
