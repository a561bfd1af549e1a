"""Image records in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from moorage.access.image import ImageState
from moorage.permissions.memory.hierarchy import repository, workspaces
from moorage.permissions.memory.state import State
from moorage.permissions.records import Image
from moorage.permissions.stores import NameTaken


class MemoryImages:
    """See ImageRecords."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def named(self, workspace: int, name: str) -> Image | None:
        """The record that has the name now."""
        return self._fresh(self._holder(workspace, name))

    async def by_id(self, id: UUID) -> Image | None:
        """The record with this id."""
        return self._fresh(self._state.images.get(id))

    async def page(self, workspace: int, after: str, limit: int) -> Sequence[Image]:
        """Records after a name."""
        found = [each for each in self._live() if each.workspace_alias == workspace and each.record.name > after]
        return sorted(found, key=lambda each: each.record.name)[:limit]

    async def linked(self, repositories: Collection[int]) -> Sequence[Image]:
        """The records linked to these repositories."""
        return [each for each in self._live() if each.repository.alias in repositories]

    async def overdue(self, now: datetime, limit: int) -> Sequence[Image]:
        """Detached records whose deadline has passed."""
        detached = [each for each in self._live() if each.record.state is ImageState.DETACHED]
        return [each for each in detached if each.record.deadline and each.record.deadline <= now][:limit]

    async def add(self, image: Image) -> None:
        """Keeps a new record. Raises NameTaken."""
        if self._holder(image.workspace_alias, image.record.name):
            raise NameTaken
        self._state.images[image.record.id] = image

    async def put(self, image: Image) -> None:
        """Replaces a record. Raises NameTaken."""
        holder = self._holder(image.workspace_alias, image.record.name)
        if holder and holder.alias != image.alias and image.record.state is not ImageState.DELETED:
            raise NameTaken
        self._state.images[image.record.id] = image

    def _holder(self, workspace: int, name: str) -> Image | None:
        for each in self._state.images.values():
            live = each.record.state is not ImageState.DELETED
            if live and (each.workspace_alias, each.record.name) == (workspace, name):
                return each
        return None

    def _live(self) -> list[Image]:
        found = [self._fresh(each) for each in self._state.images.values()]
        return [each for each in found if each and each.record.state is not ImageState.DELETED]

    def _fresh(self, image: Image | None) -> Image | None:
        """The record with its repository and workspace as they are now."""
        if image is None:
            return None
        now = repository(self._state, image.repository.alias) or image.repository
        slugs = {each.alias: each.slug for each in workspaces(self._state)}
        return replace(image, repository=now, workspace_slug=slugs[image.workspace_alias])
