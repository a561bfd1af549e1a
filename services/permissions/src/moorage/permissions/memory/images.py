"""Image records in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from moorage.access.image import ImageState
from moorage.permissions.log_rows import Numbered
from moorage.permissions.memory.hierarchy import repository, workspaces
from moorage.permissions.memory.state import Stamp, State
from moorage.permissions.records import Image, Origin, Purge
from moorage.permissions.stores import NameTaken


class MemoryImages:
    """See ImageRecords."""

    def __init__(self, state: State, log: Numbered | None = None) -> None:
        self._state = state
        self._log = log

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

    async def among(
        self, workspace: int, repositories: Collection[int], images: Collection[int], limit: int
    ) -> Sequence[Image]:
        """Records of these repositories, and these."""
        found = [each for each in self._live() if each.repository.alias in repositories or each.alias in images]
        mine = [each for each in found if each.workspace_alias == workspace]
        return sorted(mine, key=lambda each: each.record.name)[:limit]

    async def unpushed(
        self, before: datetime, limit: int, after: UUID | None = None, among: Collection[UUID] | None = None
    ) -> Sequence[Image]:
        """Records of first pushes that nothing is known to have come of."""
        found = [each for each in self._live() if each.origin is Origin.FIRST_PUSH and each.record.link_gen == 1]
        found = [each for each in found if each.record.id not in self._state.content_seen and _age(each)[0] <= before]
        found = [each for each in found if each.record.state is not ImageState.EXPIRED]
        if after is not None:
            last = self._state.images.get(after)
            found = [each for each in found if last and _age(each) > _age(last)]
        chosen = found if among is None else [each for each in found if each.record.id in among]
        return sorted(chosen, key=_age)[:limit]

    async def orphans(self) -> int:
        """Active records whose repository is gone."""
        states = {alias: each.state for alias, each in self._state.repositories.items()}
        active = [each for each in self._live() if each.record.state is ImageState.ACTIVE]
        return sum(not states[each.repository.alias].carries_roles for each in active)

    async def linked(self, repositories: Collection[int]) -> Sequence[Image]:
        """The records linked to these repositories."""
        lives = (each for each in self._all() if _lives(each) or (each.deletion and each.purge is None))
        return [each for each in lives if each.repository.alias in repositories]

    async def restorable(self, workspace: int, after: tuple[str, UUID], now: datetime, limit: int) -> Sequence[Image]:
        """Deleted records that can be restored."""
        found = [each for each in self._all() if each.workspace_alias == workspace and each.restorable(now)]
        return sorted((each for each in found if _place(each) > after), key=_place)[:limit]

    async def to_purge(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Images that are over, whose content is still there."""
        over = [each for each in self._state.images.values() if each.purge is not Purge.DONE]
        due = [(each.purge_at, each.alias, each.record.id) for each in over if each.purge_at and each.purge_at <= now]
        return [id for _, _, id in sorted(due)[:limit]]

    async def begin_purge(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Ends the time in which these can be restored, for good."""
        due = await self.to_purge(now, limit)
        for id in due:
            self._state.images[id] = replace(self._state.images[id], purge=Purge.BEGUN)
        return due

    async def end_purge(self, images: Collection[UUID]) -> int:
        """The content is gone."""
        begun = [id for id in images if id in self._state.images and self._state.images[id].purge is Purge.BEGUN]
        for id in begun:
            self._state.images[id] = replace(self._state.images[id], purge=Purge.DONE)
        return len(begun)

    async def see_content(self, images: Collection[UUID]) -> None:
        """Something was pushed to these."""
        self._state.content_seen.update(images)

    async def overdue(self, now: datetime, limit: int) -> Sequence[Image]:
        """Detached records whose deadline has passed."""
        detached = [each for each in self._live() if each.record.state is ImageState.DETACHED]
        return [each for each in detached if each.record.deadline and each.record.deadline <= now][:limit]

    async def add(self, image: Image) -> None:
        """Keeps a new record. Raises NameTaken."""
        if self._holder(image.workspace_alias, image.record.name):
            raise NameTaken
        self._keep(image)

    async def put(self, image: Image) -> None:
        """Replaces a record. Raises NameTaken."""
        holder = self._holder(image.workspace_alias, image.record.name)
        if holder and holder.alias != image.alias and image.record.state is not ImageState.DELETED:
            raise NameTaken
        self._keep(image)

    def _keep(self, image: Image) -> None:
        if self._log is not None:
            self._state.stamps[image.alias] = Stamp(self._log.frame, None, self._log.by)
        self._state.images[image.record.id] = image

    def _holder(self, workspace: int, name: str) -> Image | None:
        for each in self._state.images.values():
            live = each.record.state is not ImageState.DELETED
            if live and (each.workspace_alias, each.record.name) == (workspace, name):
                return each
        return None

    def _live(self) -> list[Image]:
        return [each for each in self._all() if _lives(each)]

    def _all(self) -> list[Image]:
        return [found for each in self._state.images.values() if (found := self._fresh(each))]

    def _fresh(self, image: Image | None) -> Image | None:
        """The record with its repository and workspace as they are now."""
        if image is None:
            return None
        now = repository(self._state, image.repository.alias) or image.repository
        slugs = {each.alias: each.slug for each in workspaces(self._state)}
        return replace(image, repository=now, workspace_slug=slugs[image.workspace_alias])


def _lives(image: Image) -> bool:
    return image.record.state is not ImageState.DELETED


def _age(image: Image) -> tuple[datetime, int]:
    return image.created_at, image.alias


def _place(image: Image) -> tuple[str, UUID]:
    return image.record.name, image.record.id
