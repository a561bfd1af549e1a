"""The product's rule (moorage.access.rules), given a Standing that is computed as naively as can be."""

from uuid import UUID

from access_rules.engines import Answer
from access_rules.oracle import Oracle
from access_rules.world import Question, World
from moorage.access.action import Action
from moorage.access.image import NodeState
from moorage.access.principal import Identity, PrincipalKind
from moorage.access.reason import Reason
from moorage.access.role import Membership, Role
from moorage.access.rules import Standing, decide, first_push, unknown


class RulesEngine:
    """`decide` and `first_push`, with facts looked up in the oracle's relations and nowhere else."""

    def __init__(self, world: World) -> None:
        self._facts = Oracle(world)

    async def load(self, world: World) -> None:
        """Takes in a world."""
        self._facts = Oracle(world)

    async def judge(self, question: Question) -> Answer:
        """The rule's verdict."""
        return self.judge_now(question)

    def judge_now(self, question: Question) -> Answer:
        """The same without a loop; the rule does no I/O."""
        identity, now = question.identity, self._facts.world.now
        image = self._facts.image(question)
        if image is None:
            return Answer(self._without_record(question))
        standing = self._standing(identity, str(image.workspace), str(image.repository), image.id)
        verdict = decide(question.action, identity, standing, image, now)
        return Answer(verdict.reason, verdict.readable, verdict.role)

    def _without_record(self, question: Question) -> Reason:
        """Where there is no record a push has its own rule; the rest finds nothing."""
        identity, now = question.identity, self._facts.world.now
        workspace = next((ws for (ws, slug, _) in self._facts.workspaces if slug == question.workspace), "")
        wrong = self._facts.shut_out(identity)
        active = ("principal_inactive" not in wrong, "credential_revoked" not in wrong)
        if question.action is not Action.PUSH or not all(active):
            return unknown(question.action, identity, *active, now)
        pipeline = identity.principal.kind is PrincipalKind.PIPELINE
        named = str(identity.principal.id) if pipeline else self._facts.resolve(workspace, question.image)
        here = any((named, workspace) == (r, ws) for (r, ws, _, _, _) in self._facts.repositories)
        standing = self._standing(identity, workspace, str(named), None) if here else None
        return first_push(identity, standing or self._membership(identity, workspace), now)

    def _standing(self, identity: Identity, workspace: str, repository: str, image: UUID | None) -> Standing:
        facts, who = self._facts, str(identity.principal.id)
        role = Role.NONE
        if identity.principal.kind is PrincipalKind.PIPELINE and who == repository:
            role = Role.READ
        elif identity.principal.kind is PrincipalKind.USER:
            role = Role[facts.paths(who, workspace, repository).upper()]
        state = next((state for (ws, _, state) in facts.workspaces if ws == workspace), "deleted")
        wrong = facts.shut_out(identity)
        return Standing(
            role=role,
            membership=self._membership(identity, workspace),
            repository_state=NodeState(facts.state_of(workspace, repository)),
            workspace_state=NodeState(state),
            allow_public=workspace in {str(ws) for ws in facts.world.allow_public},
            principal_active="principal_inactive" not in wrong,
            credential_active="credential_revoked" not in wrong,
            inside_bound=facts.inside(identity, workspace, repository, image),
            publishing=facts.defaults(workspace),
            environment_live=self._deploys_to(identity, workspace, repository),
        )

    def _deploys_to(self, identity: Identity, workspace: str, repository: str) -> bool:
        environment = str(identity.run.environment) if identity.run else ""
        return (environment, workspace, repository, "active") in self._facts.environments

    def _membership(self, identity: Identity, workspace: str) -> Membership:
        who = str(identity.principal.id)
        if identity.principal.kind is PrincipalKind.PIPELINE:
            return Membership.MEMBER if self._facts.lives_in(workspace, who) else Membership.NONE
        if identity.principal.kind is not PrincipalKind.USER:
            return Membership.NONE
        if self._facts.owns(who, workspace):
            return Membership.OWNER
        words = {word for (user, ws, word) in self._facts.called if (user, ws) == (who, workspace)}
        return Membership[max(words, default="none").upper()]
