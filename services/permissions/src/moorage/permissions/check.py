"""The decision at head: facts from a view, the rules from moorage.access, and V3 for what may not be known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access import rules, wire
from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.image import Visibility
from moorage.access.principal import Identity, PrincipalKind
from moorage.access.reason import Reason
from moorage.access.role import Membership, Role
from moorage.access.rules import Standing
from moorage.permissions import bounds
from moorage.permissions.aging import Aging
from moorage.permissions.bodies import image_body
from moorage.permissions.cases import Case, Question
from moorage.permissions.ports import Deciding, Ledger
from moorage.permissions.records import Image, Repository, Workspace, WorkspaceStanding
from moorage.permissions.refusals import sentence
from moorage.runtime.clock import Clock

_NOBODY: Final = WorkspaceStanding(Membership.NONE, principal_active=True, credential_active=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision, and the image it is about if who asks may know of it.

    `standing` is what it was decided on; `workspace` is the one of the name, which is no secret.
    """

    reason: Reason
    role: Role = Role.NONE
    readable: bool = False
    image: Image | None = None
    standing: Standing | None = None
    workspace: Workspace | None = None

    @property
    def visibility(self) -> Visibility:
        """What bounds the age of facts: only where the workspace lets public images be public, they are (§3.3)."""
        if self.image is None:
            return Visibility.INHERIT
        stored = self.image.record.visibility
        closed = stored is Visibility.PUBLIC and not (self.workspace and self.workspace.allow_public)
        return Visibility.WORKSPACE if closed else stored


class Check:
    """Answers `check` at head."""

    def __init__(self, ledger: Ledger, clock: Clock, aging: Aging | None = None) -> None:
        self._ledger = ledger
        self._clock = clock
        self._aging = aging or Aging()

    async def check(self, request: wire.CheckRequest) -> wire.CheckAnswer:
        """The decision for the image that has the name now; nothing is created. Raises AuthorityStale."""
        question = Question(request.identity.value(), request.workspace, request.image, request.action)
        seen = await self._ledger.case(question)
        now = self._clock.now()
        outcome = judge(seen.case, question, now)
        freshness = self._aging.judge(seen.freshness, request.action, now, outcome.visibility)
        # A check creates nothing: whoever may create the image asks for a first push.
        if outcome.reason is Reason.OK and outcome.image is None:
            outcome = replace(outcome, reason=Reason.RECORD_MISSING)
        decided = answer(outcome, seen.token, f"{request.workspace}/{request.image}")
        return decided.model_copy(update={"as_of": freshness.as_of})


def answer(outcome: Outcome, token: ConsistencyToken, name: str) -> wire.CheckAnswer:
    """The outcome as the wire says it."""
    return wire.CheckAnswer(
        reason=outcome.reason,
        role=outcome.role,
        readable=outcome.readable,
        token=str(token),
        image=image_body(outcome.image, token) if outcome.image else None,
        message=None if outcome.reason is Reason.OK else sentence(outcome.reason, name),
    )


async def decide(view: Deciding, identity: Identity, slug: str, name: str, action: Action, now: datetime) -> Outcome:
    """May `identity` do `action` with what is called `name`? An allowed push without an image would create it."""
    question = Question(identity, slug, name, action)
    return judge(await view.cases.of(question), question, now)


def judge(case: Case, question: Question, now: datetime) -> Outcome:
    """The decision that follows from what is known of a question."""
    if case.workspace is None:
        facts = case.facts
        active = facts.principal_active, facts.credential_active
        return Outcome(rules.unknown(question.action, question.identity, *active, now))
    if case.image is None:
        return replace(_without_record(case, case.workspace, question, now), workspace=case.workspace)
    return replace(_with_record(case, case.workspace, case.image, question, now), workspace=case.workspace)


async def decide_image(
    view: Deciding, identity: Identity, workspace: Workspace, image: Image, action: Action, now: datetime
) -> Outcome:
    """May `identity` do `action` with the image? Without pull on it, the answer is that of a missing image (V3)."""
    question = Question(identity, workspace.slug, image.record.name, action)
    named = await named_repository(view, identity, workspace, image.record.name) if action is Action.PUSH else None
    repositories = [image.repository, named] if named else [image.repository]
    case = Case(workspace, image, named, await standing_in(view, identity, workspace, repositories))
    return _with_record(case, workspace, image, question, now)


def _with_record(case: Case, workspace: Workspace, image: Image, question: Question, now: datetime) -> Outcome:
    standing = standing_on(case.facts, question.identity, workspace, image.repository, image.record.id)
    verdict = rules.decide(question.action, question.identity, standing, image.record, now)
    if verdict.readable or verdict.reason is Reason.OK:
        return Outcome(verdict.reason, verdict.role, verdict.readable, image, standing)
    hidden = _without_record(case, workspace, question, now)
    # Only creating reveals that a name is taken (§1.7).
    hidden = Outcome(Reason.NO_WRITE) if hidden.reason is Reason.OK else hidden
    return replace(hidden, standing=standing)


async def standing_in(
    view: Deciding, identity: Identity, workspace: Workspace, repositories: Sequence[Repository]
) -> WorkspaceStanding:
    """What facts say of the identity in the workspace and on these repositories."""
    if identity.principal.kind is PrincipalKind.ANONYMOUS:
        return _NOBODY
    aliases = {repository.alias for repository in repositories}
    found = await view.standings.of(identity.principal, identity.credential, workspace.alias, aliases)
    if identity.run is None or identity.run.environment is None:
        return found
    environment = await view.hierarchy.environment(workspace.alias, identity.run.environment)
    live = environment is not None and environment.state.carries_roles
    return replace(found, deploys_to=environment.repository if environment and live else None)


def standing_on(
    facts: WorkspaceStanding, identity: Identity, workspace: Workspace, repository: Repository, image: UUID | None
) -> Standing:
    """What the rules want to know of the identity and one repository, or an image linked to it."""
    return Standing(
        role=facts.roles.get(repository.alias, Role.NONE),
        membership=facts.membership,
        repository_state=repository.state,
        workspace_state=workspace.state,
        allow_public=workspace.allow_public,
        principal_active=facts.principal_active,
        credential_active=facts.credential_active,
        inside_bound=bounds.contains(identity.bound, workspace.id, repository, image),
        publishing=workspace.publishing,
        environment_live=facts.deploys_to == repository.id,
    )


async def named_repository(view: Deciding, identity: Identity, workspace: Workspace, image: str) -> Repository | None:
    """The repository that a new image would be linked to: a pipeline's own, else the name's first part is its slug."""
    if identity.principal.kind is PrincipalKind.PIPELINE and identity.principal.id:
        return await view.hierarchy.repository(workspace.alias, identity.principal.id)
    return await view.hierarchy.repository_by_slug(workspace.alias, image.partition("/")[0])


def _without_record(case: Case, workspace: Workspace, question: Question, now: datetime) -> Outcome:
    identity, action, facts = question.identity, question.action, case.facts
    if action is not Action.PUSH or not (facts.principal_active and facts.credential_active):
        return Outcome(rules.unknown(action, identity, facts.principal_active, facts.credential_active, now))
    standing = standing_on(facts, identity, workspace, case.named, None) if case.named else None
    return Outcome(rules.first_push(identity, standing or facts.membership, now))
