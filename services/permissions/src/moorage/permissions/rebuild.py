"""Nothing is served from a state that is half built (R122): the past of every topic comes first (§2.6)."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Final

from moorage.access.consistency import ConsistencyToken
from moorage.permissions.audit_trail import AuditTrail
from moorage.permissions.bookkeeping import FleetBook
from moorage.permissions.cases import Question, Seen
from moorage.permissions.history import Looking, Position
from moorage.permissions.ports import Change, HistoryLost, Ledger, Trial, View

PATIENCE_SECONDS: Final = 2.0
"""So long a question waits for the rebuild to end: just long enough for topics in which there is nothing."""
_PAUSE_SECONDS: Final = 0.05


class NotRebuilt(HistoryLost):
    """Facts that the topics have held from the start are not applied yet."""


class Rebuild:
    """How far the rebuild from the topics is; once it is over it is over for this process."""

    def __init__(self, ledger: Ledger, patience: float = PATIENCE_SECONDS) -> None:
        self._ledger = ledger
        self._patience = patience
        self._topics: tuple[str, ...] = ()
        self._progress: str | None = None

    def tell(self, progress: str | None) -> None:
        """How far a rebuild in bulk is, in words (moorage.permissions.rebuilding); None if there is none."""
        self._progress = progress

    def expect(self, topics: Sequence[str]) -> None:
        """These topics are followed from now on."""
        self._topics = tuple(topics)

    async def missing(self) -> str | None:
        """What is not applied yet, in words; None if the state is whole."""
        if self._topics and self._progress is not None:
            return self._progress
        for topic in self._topics:
            async with self._ledger.viewing() as view:
                behind = await view.topics.behind(topic)
            if behind is None:
                return f"topic {topic} was never read, and nothing is known without it"
            if behind:
                return f"topic {topic} is being replayed; {behind} offsets are left"
        self._topics = ()
        return None

    async def require(self) -> None:
        """Returns when the state is whole. Raises NotRebuilt if it does not become so soon."""
        ends = time.monotonic() + self._patience
        while self._topics and (words := await self.missing()):
            if time.monotonic() >= ends:
                raise NotRebuilt(words)
            await asyncio.sleep(_PAUSE_SECONDS)


class RebuiltLedger:
    """A ledger that is not looked at before it is whole; what does not rest on facts goes on meanwhile."""

    def __init__(self, delegate: Ledger, rebuild: Rebuild) -> None:
        self._delegate = delegate
        self._rebuild = rebuild

    @asynccontextmanager
    async def viewing(self) -> AsyncIterator[View]:
        """A view of the newest position. Raises NotRebuilt."""
        await self._rebuild.require()
        async with self._delegate.viewing() as view:
            yield view

    @asynccontextmanager
    async def changing(self, source: int | None = None) -> AsyncIterator[Change]:
        """A change. Raises NotRebuilt, SourceBusy."""
        await self._rebuild.require()
        async with self._delegate.changing(source) as change:
            yield change

    @asynccontextmanager
    async def trying(self) -> AsyncIterator[Trial]:
        """A change that is only tried. Raises NotRebuilt."""
        await self._rebuild.require()
        async with self._delegate.trying() as trial:
            yield trial

    async def case(self, question: Question) -> Seen:
        """What a decision looks at. Raises NotRebuilt."""
        await self._rebuild.require()
        return await self._delegate.case(question)

    @asynccontextmanager
    async def looking(self, at: Position) -> AsyncIterator[Looking]:
        """A view of a position. Raises NotRebuilt."""
        await self._rebuild.require()
        async with self._delegate.looking(at) as looking:
            yield looking

    async def head(self) -> ConsistencyToken:
        """The newest position. Raises NotRebuilt."""
        await self._rebuild.require()
        return await self._delegate.head()

    async def changed(self, since: ConsistencyToken, within: float) -> ConsistencyToken:
        """The newest position, as soon as it differs."""
        return await self._delegate.changed(since, within)

    def auditing(self) -> AbstractAsyncContextManager[AuditTrail]:
        """The audit trail."""
        return self._delegate.auditing()

    def fleet(self) -> AbstractAsyncContextManager[FleetBook]:
        """The gateways."""
        return self._delegate.fleet()

    async def forget(self, before: datetime) -> int:
        """Drops rows of the log."""
        return await self._delegate.forget(before)

    async def forget_history(self, before: datetime) -> int:
        """Drops some of the past."""
        return await self._delegate.forget_history(before)
