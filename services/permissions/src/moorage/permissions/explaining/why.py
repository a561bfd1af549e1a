"""Why a decision falls as it does: the check itself, with everything it looked at collected (authorization.md §4)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from moorage.access import explain_wire as wire
from moorage.access.principal import Identity, PrincipalKind
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.permissions.check import Outcome, decide, standing_in
from moorage.permissions.explaining.asking import Asked, asked_about, gone, may_be_told, position
from moorage.permissions.explaining.filters import Decided, filters
from moorage.permissions.explaining.remedies import remedies
from moorage.permissions.explaining.words import change_body, differs
from moorage.permissions.history import About, Changed, Looking
from moorage.permissions.images import workspace_named
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.ports import Ledger
from moorage.permissions.records import Image, Path, PathStep, Workspace
from moorage.permissions.refusals import sentence

RECENT: Final = 10
_REMEMBERED: Final = 200


class Explain:
    """Explains decisions, of now and of then."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def explain(self, request: wire.ExplainRequest) -> wire.Explanation:
        """Why. About others only to an admin of the repository or an owner. Raises Forbidden, NotFound, PositionGone.

        Who may be told is decided at head: who has lost a right is not told what it once showed.
        """
        identity = request.identity.value()
        await self._permit(identity, request)
        try:
            async with self._ledger.looking(position(request.at)) as view:
                workspace = await workspace_named(view, request.workspace)
                then = identity if request.at is None else await _as_known(view, identity)
                asked = await asked_about(view, then, workspace, request.principal, request.claims)
                return await _explained(view, asked, then, workspace, request)
        except PositionUnknown as error:
            raise gone(error) from None

    async def _permit(self, identity: Identity, request: wire.ExplainRequest) -> None:
        async with self._ledger.looking(position(None)) as head:
            workspace = await workspace_named(head, request.workspace)
            asked = await asked_about(head, identity, workspace, request.principal, request.claims)
            image = await head.images.named(workspace.alias, request.image)
            if not asked.own:
                await may_be_told(head, identity, workspace, image)


async def _as_known(view: Looking, identity: Identity) -> Identity:
    """Who asks about the past does so with a credential of today: one that did not exist decided nothing then."""
    if identity.credential is None or await view.credentials.by_id(identity.credential):
        return identity
    return replace(identity, credential=None, expires=None)


async def _explained(
    view: Looking, asked: Asked, identity: Identity, workspace: Workspace, request: wire.ExplainRequest
) -> wire.Explanation:
    outcome = await decide(view, asked.identity, request.workspace, request.image, request.action, view.moment)
    image = await view.images.named(workspace.alias, request.image)
    known = image if image and (outcome.readable or not asked.own) else None
    changes = await _changes(view, asked.identity, workspace, known)
    admins = await _admins(view, identity, workspace, known)
    name = f"{request.workspace}/{request.image}"
    return wire.Explanation(
        decision="allow" if outcome.reason is Reason.OK and outcome.image else "deny",
        reason=outcome.reason,
        message=None if outcome.reason is Reason.OK else sentence(outcome.reason, name),
        action=request.action,
        image=name,
        principal=asked.name,
        token=str(view.token),
        as_of=view.moment,
        effective_role=outcome.role.word,
        paths=[path_body(path) for path in await _paths(view, asked.identity, workspace, known, changes)],
        filters=_filters(outcome, asked.identity, workspace, known, request, changes),
        would_allow=remedies(outcome.reason, known is not None, admins),
        recent_changes=[change_body(each) for each in changes[:RECENT]],
    )


def path_body(path: Path) -> wire.RolePath:
    """A path as the wire shows it."""
    steps = [
        wire.PathStep(
            fact=step.fact,
            text=step.text,
            version=step.version,
            event=step.event,
            seq=step.seq,
            since=step.since,
            by=step.by,
        )
        for step in path.via
    ]
    return wire.RolePath(role=path.role.word, via=steps)


async def _changes(view: Looking, identity: Identity, workspace: Workspace, image: Image | None) -> Sequence[Changed]:
    if image is None:
        return []
    return await view.history.changes(await about(view, identity, workspace, image), 0, _REMEMBERED)


async def about(view: Looking, identity: Identity, workspace: Workspace, image: Image) -> About:
    """Everything that bears on what the identity may do with the image."""
    id = identity.principal.id
    user = await view.hierarchy.user(id) if identity.principal.kind is PrincipalKind.USER and id else None
    return About(workspace.alias, image.alias, frozenset({image.repository.alias}), user.alias if user else None)


async def _paths(
    view: Looking, identity: Identity, workspace: Workspace, image: Image | None, changes: Sequence[Changed]
) -> Sequence[Path]:
    """The paths to the repository, each with the image's link to it."""
    if image is None:
        return []
    link = _link(image, changes)
    if identity.principal.kind is PrincipalKind.PIPELINE:
        if identity.principal.id != image.repository.id:
            return []
        own = PathStep(f"pipeline:{image.repository.id}", f"a pipeline of {image.repository.slug} reads it", 0, None)
        return [Path(Role.READ, (own, link))]
    found = await view.standings.paths(identity.principal, workspace.alias, image.repository.alias)
    return [Path(path.role, (*path.via, link)) for path in found]


def _link(image: Image, changes: Sequence[Changed]) -> PathStep:
    record = image.record
    linked = next((each for each in changes if each.kind == "image" and differs(each, "link_gen")), None)
    text = f"linked to {image.repository.slug} since link_gen {record.link_gen}"
    fact = f"im:{record.id}"
    if linked is None:
        return PathStep(fact, text, record.acl_seq, None)
    return PathStep(fact, text, record.acl_seq, None, linked.seq, linked.at, linked.by)


def _filters(
    outcome: Outcome,
    identity: Identity,
    workspace: Workspace,
    image: Image | None,
    request: wire.ExplainRequest,
    changes: Sequence[Changed],
) -> list[wire.Filter]:
    if image is None or outcome.standing is None:
        return []
    made_on = Decided(identity, request.action, outcome.reason, outcome.readable, outcome.standing, workspace, image)
    return filters(made_on, changes)


async def _admins(view: Looking, identity: Identity, workspace: Workspace, image: Image | None) -> list[str]:
    """Who could help; names of groups and people are for members of the workspace."""
    if image is None:
        return []
    facts = await standing_in(view, identity, workspace, [])
    return list(await view.holders.admins(workspace.alias, image.repository.alias)) if facts.membership.counts else []
