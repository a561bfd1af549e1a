"""The one rule that decides, given what facts say of one identity and one image (authorization.md §1.4-§1.9).

The gateway computes a `Standing` from its replica, permissions computes it in SQL, and both ask here: a decision, its
explanation and the authority's answer can't differ in anything but the facts.
"""

from dataclasses import dataclass
from datetime import datetime

from moorage.access.action import Action
from moorage.access.image import ImageRecord, ImageState, NodeState, PushPolicy, Visibility
from moorage.access.principal import Identity, PrincipalKind, Scope, scopes_open
from moorage.access.reason import Reason
from moorage.access.role import Membership, Role


@dataclass(frozen=True, slots=True)
class Standing:
    """What facts say of one identity and one repository, at one position.

    `role` is the maximum over all paths before any filter, also for a repository that is no longer active.
    `membership` counts groups that own the workspace; a pipeline is a MEMBER where its repository is, a robot NONE.
    `inside_bound` says whether the credential's bound contains the repository or the image.
    """

    role: Role
    membership: Membership
    repository_state: NodeState
    workspace_state: NodeState = NodeState.ACTIVE
    allow_public: bool = False
    principal_active: bool = True
    credential_active: bool = True
    inside_bound: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """A reason, the effective role after all caps, and whether the principal may know that the image exists."""

    reason: Reason
    role: Role
    readable: bool


def decide(action: Action, identity: Identity, standing: Standing, image: ImageRecord, now: datetime) -> Verdict:
    """Whether `identity` may do `action` with `image`, and the first thing that stands in the way."""
    excluded = _excluded(identity, standing, now)
    role = Role.NONE if excluded else _effective_role(action, identity, standing, image, now)
    readable = not excluded and _may_pull(role, identity, standing, image, now)
    return Verdict(excluded or _reason(action, role, readable, identity, standing, image), role, readable)


def first_push(identity: Identity, membership: Membership, standing: Standing | None, now: datetime) -> Reason:
    """Whether a push to a name without a record creates it (§1.7); without a resolvable repository, no `standing`.

    A pipeline's repository is that of its claims, whatever the name says. Without a `standing`, the caller has asked
    before whether the principal and the credential are active.
    """
    if identity.principal.kind is PrincipalKind.ANONYMOUS:
        return Reason.UNAUTHENTICATED
    if excluded := _excluded(identity, standing, now):
        return excluded
    if not scopes_open(identity.scopes, Action.PUSH):
        return Reason.SCOPE
    if standing is None or not standing.repository_state.carries_roles:
        return Reason.REPOSITORY_REQUIRED if membership is Membership.OWNER else Reason.NO_WRITE
    role = capped_role(Action.PUSH, identity, standing)
    if role is Role.NONE:
        return Reason.NO_WRITE
    if role < Role.ADMIN or identity.principal.kind is PrincipalKind.PIPELINE:
        return Reason.RECORD_MISSING
    return _closed(standing) or Reason.OK


def unknown(
    action: Action, identity: Identity, principal_active: bool, credential_active: bool, now: datetime
) -> Reason:
    """Why `action` fails where no image is, or none that `identity` may know of: both sound alike (V3)."""
    if identity.principal.kind is PrincipalKind.ANONYMOUS:
        return Reason.UNAUTHENTICATED
    nowhere = Standing(
        Role.NONE,
        Membership.NONE,
        NodeState.DELETED,
        principal_active=principal_active,
        credential_active=credential_active,
    )
    if excluded := _excluded(identity, nowhere, now):
        return excluded
    if not scopes_open(identity.scopes, action):
        return Reason.SCOPE
    return Reason.NO_READ if action is Action.PULL else _lacking(action)


def capped_role(action: Action, identity: Identity, standing: Standing) -> Role:
    """The facts' role, less what the credential's kind, bound and scopes take away (§1.4)."""
    if not standing.inside_bound or identity.principal.kind in (PrincipalKind.ANONYMOUS, PrincipalKind.SERVICE):
        return Role.NONE
    role = _robot_role(identity) if identity.principal.kind is PrincipalKind.ROBOT else standing.role
    return min(role, _scope_cap(action, identity.scopes))


def _robot_role(identity: Identity) -> Role:
    """A robot is bound to a node by definition: a role without a bound would count everywhere."""
    return identity.granted_role if identity.granted_role and identity.bound else Role.NONE


def _scope_cap(action: Action, scopes: frozenset[Scope]) -> Role:
    if Scope.ADMIN in scopes:
        return Role.ADMIN
    deletion = action.minimum if action.deletes and Scope.DELETE in scopes else Role.NONE
    return max(deletion, Role.WRITE if Scope.WRITE in scopes else Role.READ if Scope.READ in scopes else Role.NONE)


def _excluded(identity: Identity, standing: Standing | None, now: datetime) -> Reason | None:
    if identity.principal.kind is PrincipalKind.ANONYMOUS:
        return None
    if standing and not standing.principal_active:
        return Reason.PRINCIPAL_INACTIVE
    if standing and not standing.credential_active:
        return Reason.CREDENTIAL_REVOKED
    return Reason.CREDENTIAL_EXPIRED if identity.expires and identity.expires <= now else None


def _effective_role(action: Action, identity: Identity, standing: Standing, image: ImageRecord, now: datetime) -> Role:
    role = capped_role(action, identity, standing)
    if image.state is ImageState.DETACHED:
        owner = standing.membership is Membership.OWNER
        return role if owner else min(role, Role.READ) if _in_grace(image, now) else Role.NONE
    return role if standing.repository_state.carries_roles else Role.NONE


def _may_pull(role: Role, identity: Identity, standing: Standing, image: ImageRecord, now: datetime) -> bool:
    if image.state in (ImageState.EXPIRED, ImageState.DELETED):
        return False
    return (role >= Role.READ and scopes_open(identity.scopes, Action.PULL)) or _visible(identity, standing, image, now)


def _visible(identity: Identity, standing: Standing, image: ImageRecord, now: datetime) -> bool:
    if image.state is ImageState.DETACHED and not _in_grace(image, now):
        return False
    if image.visibility is Visibility.PUBLIC and standing.allow_public:
        return True
    if not (standing.membership.counts and standing.inside_bound and scopes_open(identity.scopes, Action.PULL)):
        return False
    if image.visibility is not Visibility.INHERIT:
        return True
    return identity.principal.kind is PrincipalKind.PIPELINE and identity.principal.id in image.consumer_repositories


def _in_grace(image: ImageRecord, now: datetime) -> bool:
    return image.pull_grace_until is not None and now < image.pull_grace_until


def _reason(
    action: Action, role: Role, readable: bool, identity: Identity, standing: Standing, image: ImageRecord
) -> Reason:
    if identity.principal.kind is PrincipalKind.ANONYMOUS and not (readable and action is Action.PULL):
        return Reason.UNAUTHENTICATED
    if not scopes_open(identity.scopes, action) and not (readable and action is Action.PULL):
        return Reason.SCOPE
    if image.state in (ImageState.EXPIRED, ImageState.DELETED):
        return Reason.EXPIRED
    if action is Action.PULL and not readable:
        return Reason.NO_READ
    if image.state is ImageState.SUSPENDED or not standing.workspace_state.carries_roles:
        return Reason.SUSPENDED
    if action is Action.PULL:
        return Reason.OK
    return _change_reason(action, role, identity, standing, image)


def _change_reason(action: Action, role: Role, identity: Identity, standing: Standing, image: ImageRecord) -> Reason:
    if image.state is ImageState.DETACHED and not (action in (Action.DELETE, Action.MANAGE) and role is Role.ADMIN):
        return Reason.DETACHED
    if identity.principal.kind is PrincipalKind.PIPELINE and action is Action.PUSH and role >= Role.READ:
        return Reason.ENVIRONMENT_NOT_PUBLISHER
    if role < action.minimum:
        return _lacking(action)
    if action is Action.PUSH and standing.repository_state is NodeState.ARCHIVED:
        return Reason.REPOSITORY_ARCHIVED
    return _policy_reason(role, image) if action in (Action.PUSH, Action.DELETE_TAG) else Reason.OK


def _lacking(action: Action) -> Reason:
    return Reason.NOT_ADMIN if action.minimum is Role.ADMIN else Reason.NO_WRITE


def _policy_reason(role: Role, image: ImageRecord) -> Reason:
    if image.push_policy is PushPolicy.PIPELINES_ONLY:
        return Reason.OK if role is Role.ADMIN and image.admin_override else Reason.PIPELINES_ONLY
    if image.push_policy is PushPolicy.ADMINS_ONLY and role < Role.ADMIN:
        return Reason.ADMINS_ONLY
    return Reason.OK


def _closed(standing: Standing) -> Reason | None:
    if not standing.workspace_state.carries_roles:
        return Reason.SUSPENDED
    return Reason.REPOSITORY_ARCHIVED if standing.repository_state is NodeState.ARCHIVED else None
