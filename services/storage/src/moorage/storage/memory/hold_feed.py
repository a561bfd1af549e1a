"""Tells of changes as they are made: in one process nobody has to be waited for."""

from datetime import timedelta

from moorage.storage.hold_feed import Poll
from moorage.storage.memory.tables import MemoryTables


class MemoryHoldFeed:
    """See HoldFeed. A change and its hold are one step, so none is ever open, and the window is zero."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
        self._seen: int | None = None

    async def poll(self) -> Poll:
        """See HoldFeed."""
        seen, self._seen = self._seen, len(self._tables.moved)
        moved = self._tables.moved[seen:] if seen is not None else ()
        return Poll(timedelta(0), seen is not None, moved=frozenset(moved))
