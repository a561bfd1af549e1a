"""The ledger in memory: one change at a time on a copy, which takes the place of the state when it commits."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Row
from moorage.permissions.cases import Question, Seen
from moorage.permissions.history import Position
from moorage.permissions.log_rows import Numbered
from moorage.permissions.memory.audit import MemoryAudit, MemoryAuditDraft
from moorage.permissions.memory.authorities import MemoryAuthorities
from moorage.permissions.memory.cases import MemoryCases
from moorage.permissions.memory.credentials import MemoryCredentials
from moorage.permissions.memory.epochs import MemoryEpochs
from moorage.permissions.memory.facts import MemoryFacts
from moorage.permissions.memory.fleet import MemoryFleet
from moorage.permissions.memory.freshness import MemoryFreshness
from moorage.permissions.memory.hierarchy import MemoryHierarchy
from moorage.permissions.memory.holders import MemoryHolders
from moorage.permissions.memory.images import MemoryImages
from moorage.permissions.memory.intake import MemoryIntake, MemoryLetters, MemoryPositions, MemorySources
from moorage.permissions.memory.looking import REMEMBERED, Former, MemoryLooking, look
from moorage.permissions.memory.reach import MemoryReachable
from moorage.permissions.memory.requests import MemoryParked, MemoryRequests
from moorage.permissions.memory.snapshot_runs import MemoryRuns
from moorage.permissions.memory.snapshots import MemoryLog, MemorySnapshots
from moorage.permissions.memory.standings import MemoryStandings
from moorage.permissions.memory.state import Logged, State
from moorage.permissions.memory.sync import MemorySync
from moorage.permissions.memory.topics import MemoryTopics
from moorage.permissions.ports import SourceBusy
from moorage.permissions.sync_facts import Applied
from moorage.runtime.clock import Clock, SystemClock


class MemoryView:
    """The state as it was when the view was opened."""

    def __init__(self, state: State) -> None:
        self.token = _head(state)
        self.hierarchy = MemoryHierarchy(state)
        self.standings = MemoryStandings(state)
        self.cases = MemoryCases(state)
        self.images = MemoryImages(state)
        self.reachable = MemoryReachable(state)
        self.credentials = MemoryCredentials(state)
        self.sources = MemorySources(state)
        self.freshness = MemoryFreshness(state)
        self.epochs = MemoryEpochs(state)
        self.sync = MemorySync(state)
        self.snapshots = MemorySnapshots(state)
        self.positions = MemoryPositions(state)
        self.topics = MemoryTopics(state)
        self.authorities = MemoryAuthorities(state)
        self.runs = MemoryRuns(state)
        self.letters = MemoryLetters(state)
        self.requests = MemoryRequests(state)
        self.log = MemoryLog(state)


class MemoryChangeLog(Numbered):
    """The rows of a change, and its states where readers may stand."""

    def __init__(self, state: State) -> None:
        super().__init__(_head(state))
        self._state = state
        self.paused: list[tuple[int, int, State]] = []

    def pause(self) -> None:
        """See ChangeLog."""
        frame = self.frame
        super().pause()
        if self.frame != frame:
            self.paused.append((frame, self.token.seq, self._state.copy()))


class MemoryChange:
    """A copy of the state, being changed."""

    def __init__(self, state: State) -> None:
        self.log = MemoryChangeLog(state)
        self.audit = MemoryAuditDraft()
        self.hierarchy = MemoryHierarchy(state)
        self.standings = MemoryStandings(state)
        self.cases = MemoryCases(state)
        self.images = MemoryImages(state, self.log)
        self.credentials = MemoryCredentials(state)
        self.holders = MemoryHolders(state)
        self.sources = MemorySources(state)
        self.freshness = MemoryFreshness(state)
        self.epochs = MemoryEpochs(state)
        self.facts = MemoryFacts(state, self.log)
        self.intake = MemoryIntake(state)
        self.topics = MemoryTopics(state)
        self.authorities = MemoryAuthorities(state)
        self.runs = MemoryRuns(state)
        self.parked = MemoryParked(state)
        self.requests = MemoryRequests(state)

    @property
    def told(self) -> list[Row]:
        """The rows that were appended so far."""
        return self.log.rows


class MemoryTrial(MemoryChange):
    """A copy of the state, being changed, and the state itself."""

    def __init__(self, state: State, head: MemoryLooking) -> None:
        super().__init__(state)
        self._before = head

    @asynccontextmanager
    async def head(self) -> AsyncIterator[MemoryLooking]:
        """The position, without the change."""
        yield self._before


class MemoryLedger:
    """See Ledger."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._state = State()
        self._fleet = MemoryFleet()
        self._audit = MemoryAudit()
        self._former: deque[Former] = deque([Former(0, 0, self._clock.now(), self._state)], REMEMBERED)
        self._turn = asyncio.Lock()
        self._news = asyncio.Condition()
        self._busy: set[int] = set()

    @asynccontextmanager
    async def viewing(self) -> AsyncIterator[MemoryView]:
        """A view of the newest position."""
        yield MemoryView(self._state)

    async def case(self, question: Question) -> Seen:
        """What a decision looks at."""
        view = MemoryView(self._state)
        case = await view.cases.of(question)
        return Seen(view.token, case, await view.freshness.of(case.workspace))

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
                if change.log.rows:
                    self._write(draft, change.log)
                self._state = draft
                await self._audit.keep(change.audit.records)
            async with self._news:
                self._news.notify_all()
        finally:
            if source is not None:
                self._busy.discard(source)

    @asynccontextmanager
    async def looking(self, at: Position) -> AsyncIterator[MemoryLooking]:
        """A view of a position, now or then. Raises PositionUnknown."""
        yield look(list(self._former), self._state, at, self._clock.now())

    @asynccontextmanager
    async def trying(self) -> AsyncIterator[MemoryTrial]:
        """A change that takes no turn, which is undone."""
        state = self._state
        yield MemoryTrial(state.copy(), look(list(self._former), state, Position(), self._clock.now()))

    async def forget_history(self, before: datetime) -> int:
        """Drops former states; the newest before then stays, where history begins."""
        dropped = 0
        while len(self._former) > 1 and self._former[1].at < before:
            self._former.popleft()
            dropped += 1
        return dropped

    @asynccontextmanager
    async def auditing(self) -> AsyncIterator[MemoryAudit]:
        """The audit trail."""
        yield self._audit

    @asynccontextmanager
    async def fleet(self) -> AsyncIterator[MemoryFleet]:
        """The gateways."""
        yield self._fleet

    async def forget(self, before: datetime) -> int:
        """Drops the oldest frames; answers how many rows those had."""
        old = [each for each in self._state.log if each.at < before]
        self._state = replace(self._state, log=self._state.log[len(old) :])
        return sum(len(each.frame.rows) for each in old)

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

    def _write(self, draft: State, log: MemoryChangeLog) -> None:
        now = self._clock.now()
        draft.seq = log.token.seq
        draft.log += [Logged(frame, now) for frame in log.frames()]
        draft.newest |= {ws: Applied(event, now, seq) for ws, (seq, event) in log.newest.items()}
        self._former += [Former(frame, seq, now, state) for frame, seq, state in log.paused]
        self._former.append(Former(log.frame, draft.seq, now, draft))


def _head(state: State) -> ConsistencyToken:
    return ConsistencyToken(state.epoch, state.seq)
