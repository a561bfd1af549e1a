"""The one rule that decides, given what facts say of one identity and one image (authorization.md §1.4-§1.9).

The gateway computes a `Standing` from its replica, permissions computes it in SQL, and both ask here: a decision, its
explanation and the authority's answer can't differ in anything but the facts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from moorage.access import push_rules
from moorage.access.action import Action
from moorage.access.image import WRITERS_PUBLISH, ImageRecord, ImageState, NodeState, PublishingDefaults, Visibility
from moorage.access.openings import OPENINGS, Opening
from moorage.access.principal import Identity, PrincipalKind
from moorage.access.reason import Reason
from moorage.access.role import Membership, Role

# Bound once: a member of an enumeration takes longer to look up than to compare, and every request comes through here.
_ANONYMOUS: Final = PrincipalKind.ANONYMOUS
_PIPELINE: Final = PrincipalKind.PIPELINE
_ROBOT: Final = PrincipalKind.ROBOT
_USER: Final = PrincipalKind.USER
_NEVER: Final = (PrincipalKind.ANONYMOUS, PrincipalKind.SERVICE)
_PULL: Final = Action.PULL
_PUSH: Final = Action.PUSH
_NONE: Final = Role.NONE
_READ: Final = Role.READ
_ADMIN: Final = Role.ADMIN
_PUBLIC: Final = Visibility.PUBLIC
_INHERIT: Final = Visibility.INHERIT
_DETACHED: Final = ImageState.DETACHED
_SUSPENDED: Final = ImageState.SUSPENDED
_OVER: Final = (ImageState.EXPIRED, ImageState.DELETED)
_OK: Final = Reason.OK
_NO_READ: Final = Reason.NO_READ


# Made for every decision: a frozen class takes three times as long to make, a tuple with names longer to read.
@dataclass(slots=True)
class Standing:
    """What facts say of one identity and one repository, at one position; nobody changes one.

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


@dataclass(slots=True)
class Verdict:
    """A reason, the effective role after all caps, and whether the principal may know that the image exists."""

    reason: Reason
    role: Role
    readable: bool


def decide(action: Action, identity: Identity, standing: Standing, image: ImageRecord, now: datetime) -> Verdict:
    """Whether `identity` may do `action` with `image`, and the first thing that stands in the way."""
    excluded = _excluded(identity, standing, now)
    if excluded is not None:
        return Verdict(excluded, _NONE, False)
    opening = OPENINGS[identity.scopes][action]
    role = _effective_role(opening, identity, standing, image, now)
    pulls = role >= _READ and opening.pull
    readable = image.state not in _OVER and (pulls or _visible(opening, identity, standing, image, now))
    return Verdict(_reason(action, role, readable, opening, identity, standing, image), role, readable)


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
    if not OPENINGS[identity.scopes][_PUSH].action:
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
    if not OPENINGS[identity.scopes][action].action:
        return Reason.SCOPE
    return Reason.NO_READ if action is _PULL else _lacking(action)


def capped_role(action: Action, identity: Identity, standing: Standing) -> Role:
    """The facts' role, less what the credential's kind, bound and scopes take away (§1.4)."""
    return _capped(OPENINGS[identity.scopes][action].cap, identity, standing)


def _capped(cap: Role, identity: Identity, standing: Standing) -> Role:
    if not standing.inside_bound:
        return _NONE
    kind, role = identity.principal.kind, standing.role
    if kind is not _USER:
        if kind in _NEVER:
            return _NONE
        if kind is _ROBOT:
            role = _robot_role(identity)
    return role if role <= cap else cap


def _robot_role(identity: Identity) -> Role:
    """A robot is bound to a node by definition: a role without a bound would count everywhere."""
    return identity.granted_role if identity.granted_role and identity.bound else _NONE


def _excluded(identity: Identity, standing: Standing | None, now: datetime) -> Reason | None:
    if identity.principal.kind is _ANONYMOUS:
        return None
    if standing is not None:
        if not standing.principal_active:
            return Reason.PRINCIPAL_INACTIVE
        if not standing.credential_active:
            return Reason.CREDENTIAL_REVOKED
    expires = identity.expires
    return None if expires is None or expires > now else Reason.CREDENTIAL_EXPIRED


def _effective_role(
    opening: Opening, identity: Identity, standing: Standing, image: ImageRecord, now: datetime
) -> Role:
    role = _capped(opening.cap, identity, standing)
    if image.state is _DETACHED:
        owner = standing.membership is Membership.OWNER
        return role if owner else min(role, _READ) if _in_grace(image, now) else _NONE
    return role if standing.repository_state.carries_roles else _NONE


def _visible(opening: Opening, identity: Identity, standing: Standing, image: ImageRecord, now: datetime) -> bool:
    if image.state is _DETACHED and not _in_grace(image, now):
        return False
    visibility = image.visibility
    if visibility is _PUBLIC and standing.allow_public:
        return True
    if not (standing.membership.counts and standing.inside_bound and opening.pull):
        return False
    if visibility is not _INHERIT:
        return True
    return identity.principal.kind is _PIPELINE and identity.principal.id in image.consumer_repositories


def _in_grace(image: ImageRecord, now: datetime) -> bool:
    return image.pull_grace_until is not None and now < image.pull_grace_until


def _reason(
    action: Action,
    role: Role,
    readable: bool,
    opening: Opening,
    identity: Identity,
    standing: Standing,
    image: ImageRecord,
) -> Reason:
    pulls = action is _PULL
    if not (readable and pulls):
        if identity.principal.kind is _ANONYMOUS:
            return Reason.UNAUTHENTICATED
        if not opening.action:
            return Reason.SCOPE
        if image.state in _OVER:
            return Reason.EXPIRED
        if pulls:
            return _NO_READ
    if image.state is _SUSPENDED or not standing.workspace_state.carries_roles:
        return Reason.SUSPENDED
    return _OK if pulls else _change_reason(action, role, identity, standing, image)


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
