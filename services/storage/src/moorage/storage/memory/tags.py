"""Tags: pages by code point, deletion, history."""

from uuid import UUID

from moorage.oci.reference import Tag
from moorage.storage.memory.tables import MemoryTables
from moorage.storage.ports import Listed, TagMove


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
        gone = self._tables.tags.pop((image, tag), None)
        if gone is None:
            return False
        self._tables.history.append((image, TagMove(tag, gone.digest, None, principal)))
        return True

    async def history(self, image: UUID, tag: Tag, limit: int) -> list[TagMove]:
        """See TagStore."""
        moves = [move for holder, move in self._tables.history if holder == image and move.tag == tag]
        return moves[::-1][:limit]
