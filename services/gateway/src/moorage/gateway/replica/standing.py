"""What facts say of one identity and one repository: the Standing that the rules judge (authorization.md §1.4).

A user counts from the fact that announces it to the one that ends it: what is granted to unknown users is dormant
(E1). Credentials are issued by the authority itself, and revocations are values, never missing rows: a credential whose
row is still on its way is active.
"""

from typing import Final
from uuid import UUID

from moorage.access.principal import Bound, Identity, PrincipalKind
from moorage.access.role import Membership, Role
from moorage.access.rules import Standing
from moorage.gateway.replica.edges import Row, held
from moorage.gateway.replica.facts import SiteFacts, Workspace
from moorage.gateway.replica.nodes import Node
from moorage.gateway.replica.workspace_facts import WorkspaceFacts

SWITCH_SIDE_ABOVE: Final = 200
"""A longer row of a user's is not taken as a whole: what the node gives is looked up in it (authorization.md §3.8)."""
# Members of an enumeration are looked up slowly, and this is where a gateway spends its time.
_USER: Final = PrincipalKind.USER
_PIPELINE: Final = PrincipalKind.PIPELINE
_NO_ROLE: Final = Role.NONE
_ADMIN: Final = Role.ADMIN
_NO_MEMBER: Final = Membership.NONE
_MEMBER: Final = Membership.MEMBER
_OWNER: Final = Membership.OWNER
_ROLES: Final = tuple(Role)
_MEMBERSHIPS: Final = tuple(Membership)


def standing(
    site: SiteFacts,
    facts: WorkspaceFacts,
    identity: Identity,
    workspace: Workspace,
    repository: Node,
    image: UUID | None = None,
) -> Standing:
    """The standing of `identity` towards a repository of `workspace`, and towards `image` if there is one."""
    principal = identity.principal
    state, project = repository.as_repository()
    active, live = True, False
    role, member = _NO_ROLE, _NO_MEMBER
    if principal.kind is _USER:
        user = site.user(principal.id)
        active = site.active[user] == 1
        having = _having(facts, facts.edges.row(user), repository, project)
        member = _membership_of(facts, having)
        role = _role(facts, having, repository, project) if member is not _OWNER else _ADMIN
    elif principal.kind is _PIPELINE:
        own = facts.repository(principal.id)
        member = _pipeline_membership(own)
        role = Role.READ if own.alias and own is repository else _NO_ROLE
        live = identity.run is not None and facts.environment_live(identity.run.environment, repository)
    shown = identity.credential
    return Standing(
        role,
        member,
        state,
        workspace.state,
        workspace.allow_public,
        active,
        shown is None or site.credentials.get(shown.int, 0) not in site.revoked,
        identity.bound is None or _inside(facts, identity.bound, workspace, repository, image),
        workspace.publishing,
        live,
    )


def membership(site: SiteFacts, facts: WorkspaceFacts, identity: Identity) -> Membership:
    """What the workspace calls the principal; a pipeline is a member where its repository lives, a robot nowhere."""
    kind = identity.principal.kind
    if kind is PrincipalKind.PIPELINE:
        return _pipeline_membership(facts.repository(identity.principal.id))
    if kind is not PrincipalKind.USER:
        return Membership.NONE
    entries, low, high = facts.edges.row(site.user(identity.principal.id))
    return _membership_of(facts, frozenset(entries[low:high]))


def pushed_to(facts: WorkspaceFacts, identity: Identity, name: str) -> Node:
    """The repository that a first push to `name` would link to: the pipeline's own, or the one the name says."""
    if identity.principal.kind is not _PIPELINE:
        return facts.repository_named(name.partition("/")[0])
    return facts.repository(identity.principal.id)


def principal_active(site: SiteFacts, identity: Identity) -> bool:
    """Whether the principal is no user, or one that facts call active."""
    return identity.principal.kind is not PrincipalKind.USER or bool(site.active[site.user(identity.principal.id)])


def credential_active(site: SiteFacts, identity: Identity) -> bool:
    """Whether no fact has revoked the credential."""
    shown = identity.credential
    return shown is None or site.credentials.get(shown.int, 0) not in site.revoked


def _pipeline_membership(own: Node) -> Membership:
    return Membership.MEMBER if own.as_repository()[0].carries_roles else Membership.NONE


def _having(facts: WorkspaceFacts, row: Row, repository: Node, project: Node | None) -> frozenset[int]:
    """The entries that a user has; of a long row, those that count here."""
    entries, low, high = row
    if high - low <= SWITCH_SIDE_ABOVE:
        return frozenset(entries[low:high])
    of_project = facts.given(project).entries if project else ()
    here = (facts.alias << 2 | value for value in (1, 2, 3))
    wanted = (*facts.given(repository).entries, *of_project, *facts.owner_groups, *here)
    return frozenset(entry for entry in wanted if held(row, entry >> 2) == entry & 3)


def _membership_of(facts: WorkspaceFacts, having: frozenset[int]) -> Membership:
    here = facts.alias << 2
    owners = facts.owner_groups
    if not owners.isdisjoint(having) and any(facts.carries_roles(entry >> 2) for entry in owners & having):
        return _OWNER
    return _MEMBER if here | 2 in having else _OWNER if here | 3 in having else _MEMBERSHIPS[here | 1 in having]


def _role(facts: WorkspaceFacts, having: frozenset[int], repository: Node, project: Node | None) -> Role:
    """The maximum over every path: direct and through groups, on the repository and on its project (R75)."""
    best = _given(facts, having, repository)
    if project is not None and best < _ADMIN:
        best = max(best, _given(facts, having, project))
    return _ROLES[best]


def _given(facts: WorkspaceFacts, having: frozenset[int], node: Node) -> int:
    """The most that the node gives for one of these entries."""
    entries, roles = node.given or facts.given(node)
    if having.isdisjoint(entries):
        return 0
    for entry in filter(having.__contains__, entries):
        if entry >> 2 == node.alias or facts.carries_roles(entry >> 2):
            return roles[entries.index(entry)]
    return 0


def _inside(facts: WorkspaceFacts, bound: Bound, workspace: Workspace, repository: Node, image: UUID | None) -> bool:
    match bound.kind:
        case "workspace":
            return workspace.id in bound.ids
        case "project":
            return facts.id_of(repository.parent) in bound.ids
        case "repository":
            return facts.id_of(repository.alias) in bound.ids
        case "image" | "images":
            return image in bound.ids
        case _:
            return False
