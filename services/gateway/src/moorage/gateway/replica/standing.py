"""What facts say of one identity and one repository: the Standing that the rules judge (authorization.md §1.4).

A user counts from the fact that announces it to the one that ends it: what is granted to unknown users is dormant
(E1). Credentials are issued by the authority itself, and revocations are values, never missing rows: a credential whose
row is still on its way is active.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access.principal import Bound, Identity, PrincipalKind
from moorage.access.role import Membership, Role
from moorage.access.rules import Standing
from moorage.gateway.replica.facts import SiteFacts, Workspace
from moorage.gateway.replica.nodes import Node
from moorage.gateway.replica.reach import MEANING, Reach
from moorage.gateway.replica.workspace_facts import WorkspaceFacts

# Members of an enumeration are looked up slowly, and this is where a gateway spends its time.
_USER: Final = PrincipalKind.USER
_PIPELINE: Final = PrincipalKind.PIPELINE
_NO_ROLE: Final = Role.NONE
_NO_MEMBER: Final = Membership.NONE
NOBODY: Final = -1


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
    reach = repository.reach or facts.reach(repository)
    active, live = True, False
    role, member = _NO_ROLE, _NO_MEMBER
    if principal.kind is _USER:
        user = site.user(principal.id)
        active = site.active[user] == 1
        role, member = MEANING[reach.gives(facts.edges.row(user))]
    elif principal.kind is _PIPELINE:
        own = facts.repository(principal.id)
        member = _pipeline_membership(own)
        role = Role.READ if own.alias and own is repository else _NO_ROLE
        live = identity.run is not None and facts.environment_live(identity.run.environment, repository)
    shown = identity.credential
    return Standing(
        role,
        member,
        reach.state,
        workspace.state,
        workspace.allow_public,
        active,
        shown is None or not site.is_revoked(shown),
        identity.bound is None or _inside(facts, identity.bound, workspace, repository, image),
        workspace.publishing,
        live,
    )


def of_person(site: SiteFacts, facts: WorkspaceFacts, identity: Identity, reach: Reach, now: datetime) -> int:
    """Everything told together (moorage.gateway.replica.reach) of a user whom nothing but that limits.

    NOBODY for whoever is no user, has a bound, or is excluded by the facts or the time: `standing` says more of those.
    """
    principal, shown, expires = identity.principal, identity.credential, identity.expires
    if principal.kind is not _USER or principal.id is None or identity.bound is not None:
        return NOBODY
    user = site.user(principal.id)
    if not site.active[user] or (expires is not None and expires <= now):
        return NOBODY
    if shown is not None and site.is_revoked(shown):
        return NOBODY
    # Every path at once: direct and through groups, on the repository and on its project (R75).
    return reach.gives(facts.edges.row(user))


def membership(site: SiteFacts, facts: WorkspaceFacts, identity: Identity) -> Membership:
    """What the workspace calls the principal; a pipeline is a member where its repository lives, a robot nowhere."""
    kind = identity.principal.kind
    if kind is PrincipalKind.PIPELINE:
        return _pipeline_membership(facts.repository(identity.principal.id))
    if kind is not PrincipalKind.USER:
        return Membership.NONE
    nowhere = facts.nowhere
    reach = nowhere.reach or facts.reach(nowhere)
    return MEANING[reach.gives(facts.edges.row(site.user(identity.principal.id)))][1]


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
    return shown is None or not site.is_revoked(shown)


def _pipeline_membership(own: Node) -> Membership:
    return Membership.MEMBER if own.as_repository()[0].carries_roles else Membership.NONE


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
