"""The ledger in memory: one change at a time on a copy, which takes the place of the state when it commits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from moorage.access.consistency import ConsistencyToken
from moorage.permissions.log_rows import Numbered
from moorage.permissions.memory.credentials import MemoryCredentials
from moorage.permissions.memory.facts import MemoryFacts
from moorage.permissions.memory.hierarchy import MemoryHierarchy
from moorage.permissions.memory.images import MemoryImages
from moorage.permissions.memory.intake import MemoryIntake, MemoryPositions, MemorySources
from moorage.permissions.memory.snapshots import MemoryLog, MemorySnapshots
from moorage.permissions.memory.standings import MemoryStandings
from moorage.permissions.memory.state import State
from moorage.permissions.ports import SourceBusy


class MemoryView:
    """The state as it was when the view was opened."""

    def __init__(self, state: State) -> None:
        self.token = _head(state)
        self.hierarchy = MemoryHierarchy(state)
        self.standings = MemoryStandings(state)
        self.images = MemoryImages(state)
        self.credentials = MemoryCredentials(state)
        self.sources = MemorySources(state)
        self.snapshots = MemorySnapshots(state)
        self.positions = MemoryPositions(state)
        self.log = MemoryLog(state)


class MemoryChange:
    """A copy of the state, being changed."""

    def __init__(self, state: State) -> None:
        self.log = Numbered(_head(state))
        self.hierarchy = MemoryHierarchy(state)
        self.standings = MemoryStandings(state)
        self.images = MemoryImages(state)
        self.credentials = MemoryCredentials(state)
        self.sources = MemorySources(state)
        self.facts = MemoryFacts(state, self.log)
        self.intake = MemoryIntake(state)


class MemoryLedger:
    """See Ledger."""

    def __init__(self) -> None:
        self._state = State()
        self._turn = asyncio.Lock()
        self._news = asyncio.Condition()
        self._busy: set[int] = set()

    @asynccontextmanager
    async def viewing(self) -> AsyncIterator[MemoryView]:
        """A view of the newest position."""
        yield MemoryView(self._state)

    @asynccontextmanager
    async def changing(self, source: int | None = None) -> AsyncIterator[MemoryChange]:
        """The next change. Raises SourceBusy."""
        if source in self._busy:
            raise SourceBusy
        if source is not None:
            self._busy.add(source)
        try:
            async with self._turn:
                draft = self._state.copy()
                change = MemoryChange(draft)
                yield change
                draft.log.extend(change.log.rows)
                self._state = draft
            async with self._news:
                self._news.notify_all()
        finally:
            if source is not None:
                self._busy.discard(source)

    async def head(self) -> ConsistencyToken:
        """The newest position."""
        return _head(self._state)

    async def changed(self, since: ConsistencyToken, within: float) -> ConsistencyToken:
        """The newest position, told at once."""
        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(lambda: _head(self._state) != since)
        except TimeoutError:
            pass
        return _head(self._state)


def _head(state: State) -> ConsistencyToken:
    return ConsistencyToken(state.epoch, len(state.log))
