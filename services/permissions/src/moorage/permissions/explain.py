"""Why a decision falls as it does: the check itself, with everything it looked at collected (authorization.md §4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moorage.access import rules, wire
from moorage.access.action import Action
from moorage.access.image import ImageState, PushPolicy
from moorage.access.principal import Identity, Principal, PrincipalKind, scopes_open
from moorage.access.problems import Forbidden, NotFound
from moorage.access.reason import Reason
from moorage.access.role import Membership
from moorage.permissions.check import Outcome, decide, decide_image, standing_in, standing_on
from moorage.permissions.credentials import find_user
from moorage.permissions.images import workspace_named
from moorage.permissions.ports import Ledger, View
from moorage.permissions.records import Image, Path, PathStep, User, Workspace
from moorage.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whom a question is about, and whether that is who asks."""

    identity: Identity
    name: str
    own: bool


class Explain:
    """Explains decisions."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def explain(self, request: wire.ExplainRequest) -> wire.Explanation:
        """Why. About others only to an admin of the repository or an owner. Raises Forbidden, NotFound."""
        identity, now = request.identity.value(), self._clock.now()
        async with self._ledger.viewing() as view:
            workspace = await workspace_named(view, request.workspace)
            image = await view.images.named(workspace.alias, request.image)
            asked = await self._asked(view, identity, request.principal)
            if not asked.own:
                await self._permit(view, identity, workspace, image, now)
            outcome = await decide(view, asked.identity, request.workspace, request.image, request.action, now)
            shown = image if image and (outcome.readable or not asked.own) else None
            paths = await _paths(view, asked.identity, workspace, shown)
            filters = await _filters(view, asked.identity, workspace, shown, request.action)
            return wire.Explanation(
                decision="allow" if outcome.reason is Reason.OK and outcome.image else "deny",
                reason=outcome.reason,
                action=request.action,
                image=f"{request.workspace}/{request.image}",
                principal=asked.name,
                token=str(view.token),
                effective_role=outcome.role.word,
                paths=[_path_body(path) for path in paths],
                filters=filters,
                would_allow=_would_allow(outcome),
            )

    async def _asked(self, view: View, identity: Identity, wanted: str | None) -> _Asked:
        own = identity.principal
        if wanted is None:
            user = await view.hierarchy.user(own.id) if own.kind is PrincipalKind.USER and own.id else None
            return _Asked(identity, _name(user) if user else str(own), own=True)
        user = await find_user(view, wanted)
        if own.kind is PrincipalKind.USER and own.id == user.id:
            return _Asked(identity, _name(user), own=True)
        return _Asked(Identity(Principal(PrincipalKind.USER, user.id)), _name(user), own=False)

    async def _permit(
        self, view: View, identity: Identity, workspace: Workspace, image: Image | None, now: datetime
    ) -> None:
        facts = await standing_in(view, identity, workspace, [])
        if facts.membership is Membership.OWNER and facts.principal_active and facts.credential_active:
            return
        if image is None:
            raise NotFound("nothing of this name is available to you")
        outcome = await decide_image(view, identity, workspace, image, Action.MANAGE, now)
        if outcome.reason is not Reason.OK:
            if not outcome.readable:
                raise NotFound("nothing of this name is available to you")
            raise Forbidden("only admins of the repository may ask about others", reason=Reason.NOT_ADMIN.value)


def _name(user: User) -> str:
    return f"user:{user.id} ({user.account})"


async def _paths(view: View, identity: Identity, workspace: Workspace, image: Image | None) -> Sequence[Path]:
    if image is None:
        return []
    found = await view.standings.paths(identity.principal, workspace.alias, image.repository.alias)
    record, slug = image.record, image.repository.slug
    link = PathStep(f"im:{record.id}", f"linked to {slug} since link_gen {record.link_gen}", record.acl_seq, None)
    return [Path(path.role, (*path.via, link)) for path in found]


async def _filters(
    view: View, identity: Identity, workspace: Workspace, image: Image | None, action: Action
) -> list[dict[str, Any]]:
    """Everything that can only take away, in the order in which the rules look."""
    if image is None:
        return []
    facts = await standing_in(view, identity, workspace, [image.repository])
    standing = standing_on(facts, identity, workspace, image.repository, image.record.id)
    role, policy = rules.capped_role(action, identity, standing), image.record.push_policy
    return [
        {"name": "principal", "passed": standing.principal_active},
        {"name": "credential", "passed": standing.credential_active},
        {"name": "scope", "value": sorted(identity.scopes), "passed": scopes_open(identity.scopes, action)},
        {"name": "bound", "passed": standing.inside_bound},
        {"name": "workspace_state", "value": workspace.state, "passed": workspace.state.carries_roles},
        {
            "name": "repository_state",
            "value": standing.repository_state,
            "passed": standing.repository_state.carries_roles,
        },
        {"name": "image_state", "value": image.record.state, "passed": image.record.state is ImageState.ACTIVE},
        {"name": "role", "value": role.word, "needs": action.minimum.word, "passed": role >= action.minimum},
        {
            "name": "push_policy",
            "value": policy,
            "passed": action is not Action.PUSH or policy is PushPolicy.REPOSITORY_WRITE,
        },
    ]


def _would_allow(outcome: Outcome) -> list[dict[str, Any]]:
    """What would have to change, where who is told may know it."""
    sentences = {
        Reason.PIPELINES_ONLY: "an image admin sets push_policy to repository_write",
        Reason.ADMINS_ONLY: "an image admin sets push_policy to repository_write",
        Reason.NO_WRITE: "an admin of the repository grants write",
        Reason.NOT_ADMIN: "an admin of the repository grants admin",
        Reason.SCOPE: "a credential with more scopes is used",
        Reason.REPOSITORY_ARCHIVED: "the repository is restored on the code host",
        Reason.DETACHED: "a workspace owner links the image to another repository",
        Reason.RECORD_MISSING: "an admin of the repository creates the image",
    }
    sentence = sentences.get(outcome.reason)
    return [{"if": sentence}] if sentence else []


def _path_body(path: Path) -> wire.RolePath:
    steps = [wire.PathStep(fact=step.fact, text=step.text, version=step.version, event=step.event) for step in path.via]
    return wire.RolePath(role=path.role.word, via=steps)
