"""What facts say of one identity and one repository: the Standing that the rules judge (authorization.md §1.4).

A user counts from the fact that announces it to the one that ends it: what is granted to unknown users is dormant
(E1). Credentials are issued by the authority itself, and revocations are values, never missing rows: a credential whose
row is still on its way is active.
"""

from collections.abc import Set as AbstractSet
from typing import Final
from uuid import UUID

from moorage.access.image import NodeState
from moorage.access.principal import Bound, Identity, PrincipalKind
from moorage.access.role import Membership, Role
from moorage.access.rules import Standing
from moorage.gateway.replica.facts import Facts, Node, Workspace

_UNKNOWN: Final = Node("", 0, 0, NodeState.DELETED, "")
_NO_GROUPS: Final = frozenset[int]()


def standing(
    facts: Facts, identity: Identity, workspace: Workspace, repository: int, image: UUID | None = None
) -> Standing:
    """The standing of `identity` towards a repository of `workspace`, and towards `image` if there is one."""
    member = membership(facts, identity, workspace)
    return Standing(
        role=Role.ADMIN if member is Membership.OWNER else _role(facts, identity, workspace, repository),
        membership=member,
        repository_state=facts.repository_state(repository),
        workspace_state=workspace.state,
        allow_public=workspace.allow_public,
        principal_active=principal_active(facts, identity),
        credential_active=credential_active(facts, identity),
        inside_bound=identity.bound is None or _inside(facts, identity.bound, workspace, repository, image),
    )


def membership(facts: Facts, identity: Identity, workspace: Workspace) -> Membership:
    """What the workspace calls the principal; a pipeline is a member where its repository lives, a robot nowhere."""
    alias = _alias(facts, identity, workspace)
    if identity.principal.kind is PrincipalKind.PIPELINE:
        return Membership.MEMBER if facts.repository_state(alias).carries_roles else Membership.NONE
    if identity.principal.kind is not PrincipalKind.USER:
        return Membership.NONE
    owners = facts.owner_groups.get(workspace.alias)
    if owners and not owners.isdisjoint(_groups(facts, alias)):
        return Membership.OWNER
    members = facts.members.get(workspace.alias)
    return members.get(alias, Membership.NONE) if members else Membership.NONE


def principal_active(facts: Facts, identity: Identity) -> bool:
    """Whether the principal is no user, or one that facts call active."""
    return identity.principal.kind is not PrincipalKind.USER or facts.alias(identity.principal.id) in facts.active


def credential_active(facts: Facts, identity: Identity) -> bool:
    """Whether no fact has revoked the credential."""
    return facts.alias(identity.credential) not in facts.revoked


def _alias(facts: Facts, identity: Identity, workspace: Workspace) -> int:
    """Users are the same everywhere; a pipeline is its repository, as this workspace knows it."""
    pipeline = identity.principal.kind is PrincipalKind.PIPELINE
    return facts.alias(identity.principal.id, workspace.alias if pipeline else 0)


def _groups(facts: Facts, user: int) -> AbstractSet[int]:
    """The live groups that the user is in; one that was never announced is dormant (E1)."""
    groups = facts.groups.get(user)
    return groups & facts.live_groups if groups else _NO_GROUPS


def _role(facts: Facts, identity: Identity, workspace: Workspace, repository: int) -> Role:
    alias = _alias(facts, identity, workspace)
    if identity.principal.kind is PrincipalKind.PIPELINE:
        return Role.READ if alias == repository else Role.NONE
    if identity.principal.kind is not PrincipalKind.USER or not alias:
        return Role.NONE
    project = facts.nodes.get(repository, _UNKNOWN).parent
    nodes = (repository, project) if facts.nodes.get(project, _UNKNOWN).state.carries_roles else (repository,)
    return max(_given(facts, node, alias) for node in nodes)


def _given(facts: Facts, node: int, user: int) -> Role:
    """The most that a node gives to the user, directly or through a group."""
    grants = facts.grants.get(node)
    if not grants:
        return Role.NONE
    role = grants.get(user, Role.NONE)
    for group in grants.keys() & _groups(facts, user):
        role = max(role, grants[group])
    return role


def _inside(facts: Facts, bound: Bound, workspace: Workspace, repository: int, image: UUID | None) -> bool:
    match bound.kind:
        case "workspace":
            return workspace.id in bound.ids
        case "project":
            return facts.uuids.get(facts.nodes.get(repository, _UNKNOWN).parent) in bound.ids
        case "repository":
            return facts.uuids.get(repository) in bound.ids
        case "image" | "images":
            return image in bound.ids
        case _:
            return False
