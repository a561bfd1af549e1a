"""Tags: pages by code point, deletion, history."""

from datetime import timedelta
from uuid import UUID

from moorage.distribution.content import DeletedTag
from moorage.oci.digest import Digest
from moorage.oci.errors import TagTaken
from moorage.oci.reference import Tag
from moorage.storage.memory import undo
from moorage.storage.memory.tables import MemoryTables, TagEntry
from moorage.storage.ports import Listed, Restorer
from moorage.storage.tag_store import TagMove


class MemoryTagStore:
    """See TagStore."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def page(self, image: UUID, limit: int, after: str) -> list[Listed[Tag]]:
        """See TagStore."""
        tags = self._tables.tags
        found = sorted(tag for holder, tag in tags if holder == image and tag.text > after)
        return [Listed(tag, tags[image, tag].token) for tag in found[:limit]]

    async def delete(self, image: UUID, tag: Tag, principal: str) -> bool:
        """See TagStore."""
        return undo.set_tag_aside(self._tables, image, tag, principal)

    async def deleted(self, image: UUID, window: timedelta, limit: int, after: str) -> list[DeletedTag]:
        """See TagStore."""
        tables, since = self._tables, self._tables.clock.now() - window
        found = [
            DeletedTag(tag, d.entry.digest, d.deleted_at, d.deleted_by, d.deleted_at + window)
            for (holder, tag), d in tables.deleted_tags.items()
            if holder == image and tag.text > after and d.deleted_at > since and (image, tag) not in tables.tags
        ]
        return sorted(found, key=lambda each: each.tag)[:limit]

    async def restore(self, image: UUID, tag: Tag, restorer: Restorer, window: timedelta) -> Digest | None:
        """See TagStore."""
        tables = self._tables
        aside, now_named = tables.deleted_tags.get((image, tag)), tables.tags.get((image, tag))
        if aside is None or aside.deleted_at <= tables.clock.now() - window:
            return None
        if now_named is not None:
            names = str(now_named.digest)
            raise TagTaken(f"{tag} was pushed again since and names {names}", detail={"digest": names})
        digest = aside.entry.digest
        undo.bring_back(tables, image, digest, restorer, None)
        tables.tags[image, tag] = TagEntry(digest, max(aside.entry.token, restorer.token), token_is_local=False)
        tables.history.append((image, TagMove(tag, None, digest, restorer.principal)))
        del tables.deleted_tags[image, tag]
        return digest

    async def history(self, image: UUID, tag: Tag, limit: int) -> list[TagMove]:
        """See TagStore."""
        moves = [move for holder, move in self._tables.history if holder == image and move.tag == tag]
        return moves[::-1][:limit]
