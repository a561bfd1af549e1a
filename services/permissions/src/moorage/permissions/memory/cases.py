"""Everything that a decision looks at, in memory: one question after the other."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from moorage.access.action import Action
from moorage.permissions.cases import Case, Question
from moorage.permissions.memory.hierarchy import MemoryHierarchy
from moorage.permissions.memory.images import MemoryImages
from moorage.permissions.memory.standings import MemoryStandings
from moorage.permissions.memory.state import State
from moorage.permissions.records import Repository, Workspace, WorkspaceStanding


class MemoryCases:
    """See Cases."""

    def __init__(self, state: State, moment: datetime | None = None) -> None:
        self._hierarchy = MemoryHierarchy(state)
        self._images = MemoryImages(state)
        self._standings = MemoryStandings(state, moment)

    async def of(self, question: Question) -> Case:
        """What is known of the question."""
        workspace = await self._hierarchy.workspace(question.workspace)
        if workspace is None:
            return Case(None, None, None, await self._facts(question, 0, ()))
        image = await self._images.named(workspace.alias, question.image)
        named = await self._named(question, workspace)
        linked = [each.alias for each in (image.repository if image else None, named) if each]
        return Case(workspace, image, named, await self._facts(question, workspace.alias, linked))

    async def _named(self, question: Question, workspace: Workspace) -> Repository | None:
        if question.action is Action.PUSH and question.own_repository:
            return await self._hierarchy.repository(workspace.alias, question.own_repository)
        slug = question.repository_slug
        return await self._hierarchy.repository_by_slug(workspace.alias, slug) if slug is not None else None

    async def _facts(self, question: Question, workspace: int, repositories: Collection[int]) -> WorkspaceStanding:
        identity = question.identity
        facts = await self._standings.of(identity.principal, identity.credential, workspace, repositories)
        if not workspace or identity.run is None or identity.run.environment is None:
            return facts
        environment = await self._hierarchy.environment(workspace, identity.run.environment)
        live = environment is not None and environment.state.carries_roles
        return replace(facts, deploys_to=environment.repository if environment and live else None)
