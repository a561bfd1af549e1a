"""Brings workspaces into a replica: read in a thread, joined to the stream in small steps (authorization.md §2.6).

What would not fit into the memory that the site gives is not loaded, and the authority answers for it. Nothing that is
loaded ever leaves: a missing fact is a wrong answer.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from moorage.gateway.collector import Undisturbed
from moorage.gateway.ports import AuthorityFeed
from moorage.gateway.replica.replica import Replica
from moorage.gateway.replica.slices import SLICE_COST


@dataclass(frozen=True, slots=True)
class Loading:
    """How the site wants it: everything before the gateway is ready, and bytes that the facts may take at most."""

    preload: bool = False
    memory_limit: int | None = None


ON_FIRST_USE: Final = Loading()


class MemoryFull(Exception):
    """The workspace would not fit: the authority has to answer for it."""


class Loader:
    """Fills replicas, and remembers what did not fit."""

    def __init__(self, feed: AuthorityFeed, limit: int | None = None) -> None:
        self._feed = feed
        self._limit = limit
        self._sizes: dict[UUID, int] = {}
        self._undisturbed = Undisturbed()
        self.seconds = 0.0
        self.loads = 0

    @property
    def left_out(self) -> int:
        """How many workspaces did not fit when they were asked for."""
        return len(self._sizes)

    def require_room(self, replica: Replica, workspace: UUID) -> None:
        """Raises MemoryFull if the workspace can't be loaded now, as far as its size is known."""
        if self._limit is not None and replica.size + self._sizes.get(workspace, 0) > self._limit:
            self._sizes.setdefault(workspace, 0)
            raise MemoryFull(f"the facts of loaded workspaces may take {self._limit} bytes")

    async def fill(self, replica: Replica, workspace: UUID) -> None:
        """Loads a workspace. Raises MemoryFull, GapInStream, WorkspaceNotLoaded, Problem."""
        began = time.monotonic()
        self.require_room(replica, workspace)
        at_least = replica.expect(workspace)
        try:
            snapshot = await self._feed.snapshot(workspace, at_least)
            with self._undisturbed.load():
                part = await asyncio.to_thread(replica.read, workspace, snapshot)
            del snapshot
            self._sizes[workspace] = part.facts.size
            self.require_room(replica, workspace)
            while not replica.catch_up(workspace, part, SLICE_COST):  # noqa: ASYNC110 - gives others their turn
                await asyncio.sleep(0)
            # Another workspace may have come in meanwhile; from here on none does.
            self.require_room(replica, workspace)
            replica.adopt(workspace, part)
        finally:
            replica.abandon(workspace)
        self._sizes.pop(workspace, None)
        self.loads += 1
        self.seconds += time.monotonic() - began
