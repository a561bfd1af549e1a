"""Who may be told about whom: everybody about themselves, admins of a repository and owners about others."""

from dataclasses import dataclass

from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.explain_wire import ClaimsBody
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.problems import Forbidden, InputInvalid, NotFound, PositionGone
from moorage.access.reason import Reason
from moorage.access.role import Membership
from moorage.permissions.check import decide_image, standing_in
from moorage.permissions.credentials import find_user
from moorage.permissions.history import Looking, Position
from moorage.permissions.images import find_repository
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.records import Image, User, Workspace

NOTHING = "nothing of this name is available to you"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a question is about, and whether that is who asks."""

    identity: Identity
    name: str
    own: bool


def position(text: str | None) -> Position:
    """The position that is asked for. Raises InputInvalid."""
    try:
        return Position.parse(text)
    except ValueError as error:
        raise InputInvalid(f"at is a position or an instant: {error}", errors=[]) from None


def gone(error: PositionUnknown) -> PositionGone:
    """What is said of a position that can't be looked at."""
    return PositionGone("this position is not in the history that is kept: too old, of another epoch, or not yet there")


def head_of(text: str | None, token: ConsistencyToken) -> str:
    """The position that a cursor holds on to, whatever happens meanwhile."""
    return text or str(token)


async def asked_about(
    view: Looking, identity: Identity, workspace: Workspace, principal: str | None, claims: ClaimsBody | None
) -> Asked:
    """Whom the question is about. Raises NotFound, InputInvalid."""
    if principal and claims:
        raise InputInvalid("ask about a principal or about claims, not both", errors=[])
    if claims:
        return await _pipeline(view, identity, workspace, claims)
    own = identity.principal
    if principal is None:
        user = await view.hierarchy.user(own.id) if own.kind is PrincipalKind.USER and own.id else None
        return Asked(identity, name_of(user) if user else str(own), own=True)
    user = await find_user(view, principal)
    if own.kind is PrincipalKind.USER and own.id == user.id:
        return Asked(identity, name_of(user), own=True)
    return Asked(Identity(Principal(PrincipalKind.USER, user.id)), name_of(user), own=False)


async def may_be_told(view: Looking, identity: Identity, workspace: Workspace, image: Image | None) -> None:
    """About others: who administers the image, or owns the workspace. Raises Forbidden, NotFound (V3)."""
    if await owns(view, identity, workspace):
        return
    if image is None:
        raise NotFound(NOTHING)
    outcome = await decide_image(view, identity, workspace, image, Action.MANAGE, view.moment)
    if outcome.reason is not Reason.OK:
        if not outcome.readable:
            raise NotFound(NOTHING)
        raise Forbidden("only admins of the repository may ask about others", reason=Reason.NOT_ADMIN.value)


async def owns(view: Looking, identity: Identity, workspace: Workspace) -> bool:
    """Whether who asks owns the workspace, and shows a credential that is for all of it."""
    whole = identity.bound is None or (identity.bound.kind == "workspace" and workspace.id in identity.bound.ids)
    facts = await standing_in(view, identity, workspace, [])
    active = facts.principal_active and facts.credential_active
    return whole and active and facts.membership is Membership.OWNER


def name_of(user: User) -> str:
    """The user for people."""
    return f"user:{user.id} ({user.account})"


async def _pipeline(view: Looking, identity: Identity, workspace: Workspace, claims: ClaimsBody) -> Asked:
    repository = await find_repository(view, workspace, claims.repository)
    if repository is None:
        raise NotFound(f"no repository {claims.repository[:255]!r} is available to you in this workspace")
    wanted = Identity(Principal(PrincipalKind.PIPELINE, repository.id), run=claims.run.value())
    return Asked(wanted, f"pipeline:{repository.id} ({repository.slug})", own=False)
