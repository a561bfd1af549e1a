"""Where a reach leads to, in memory: an oracle that looks at everything."""

from collections.abc import Sequence

from moorage.access.image import Visibility
from moorage.access.principal import Principal, PrincipalKind
from moorage.access.role import Membership
from moorage.permissions.memory.hierarchy import workspaces
from moorage.permissions.memory.images import MemoryImages
from moorage.permissions.memory.standings import MemoryStandings
from moorage.permissions.memory.state import State
from moorage.permissions.reach import Opened, Reach
from moorage.permissions.records import Image, Workspace


class MemoryReachable:
    """See Reachable."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._images = MemoryImages(state)
        self._standings = MemoryStandings(state)

    async def workspaces(self, reach: Reach, start: str, limit: int) -> Sequence[str]:
        """Names of workspaces in which something may be open."""
        found = {each.slug for each in workspaces(self._state) if each.slug >= start and await self._leads(reach, each)}
        return sorted(found)[:limit]

    async def images(
        self, workspace: Workspace, reach: Reach, opened: Opened, after: str, limit: int
    ) -> Sequence[Image]:
        """Records that may be open."""
        every = await self._images.page(workspace.alias, after, len(self._state.images))
        return [each for each in every if opened.all or await self._open(each, reach, opened)][:limit]

    async def _leads(self, reach: Reach, workspace: Workspace) -> bool:
        every = await self._images.page(workspace.alias, "", len(self._state.images))
        if workspace.allow_public and any(each.record.visibility is Visibility.PUBLIC for each in every):
            return True
        user = Principal(PrincipalKind.USER, reach.user)
        repositories = [alias for alias, each in self._state.repositories.items() if each.ws == workspace.alias]
        standing = await self._standings.of(user, None, workspace.alias, repositories)
        inside = {each.id for each in self._state.entities.values() if each.workspace == workspace.id}
        named = not reach.nodes.isdisjoint(inside | {workspace.id})
        return named or standing.membership is not Membership.NONE or bool(standing.roles)

    async def _open(self, image: Image, reach: Reach, opened: Opened) -> bool:
        record = image.record
        if record.visibility in opened.visibilities or reach.consumer in record.consumer_repositories:
            return True
        if not reach.nodes.isdisjoint({record.id, record.repository, image.repository.project}):
            return True
        user = Principal(PrincipalKind.USER, reach.user)
        standing = await self._standings.of(user, None, image.workspace_alias, [image.repository.alias])
        return bool(standing.roles)
