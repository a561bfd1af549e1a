"""No decision rests on a ledger that lacks what gateways have seen (authorization.md §3.7).

A standby that was promoted, or a backup that was restored, may lack the last changes; new ones would get their numbers.
So every view must be as new as the newest position that any gateway has reported. If it isn't, nothing is answered
until an operator bumps the epoch.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

import structlog

from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.permissions.audit_trail import AuditTrail
from moorage.permissions.bookkeeping import FleetBook
from moorage.permissions.cases import Question, Seen
from moorage.permissions.history import Looking, Position
from moorage.permissions.ports import Change, HistoryLost, Ledger, Trial, View

_log = structlog.stdlib.get_logger(__name__)


class Continuity:
    """The newest position that a gateway is known to have seen."""

    def __init__(self) -> None:
        self.seen = ORIGIN
        self._told = ORIGIN

    def witness(self, seen: ConsistencyToken) -> None:
        """A gateway has seen this position."""
        self.seen = max(self.seen, seen)

    def require(self, head: ConsistencyToken, seen: ConsistencyToken) -> None:
        """Raises HistoryLost if the head of the ledger is older than what had been seen before it was looked at."""
        if head >= seen:
            return
        if seen > self._told:
            self._told = seen
            _log.error("The ledger lacks changes that gateways have seen.", head=str(head), seen=str(seen))
        raise HistoryLost(
            f"a gateway has seen {seen}, and the ledger ends at {head}: changes were lost; "
            "bump the epoch: moorage permissions epoch bump --reason …"
        )


class ContinuousLedger:
    """A ledger that refuses to be looked at, or changed, while changes are lost."""

    def __init__(self, delegate: Ledger, continuity: Continuity) -> None:
        self._delegate = delegate
        self._continuity = continuity

    @asynccontextmanager
    async def viewing(self) -> AsyncIterator[View]:
        """A view of the newest position. Raises HistoryLost."""
        seen = self._continuity.seen
        async with self._delegate.viewing() as view:
            self._continuity.require(view.token, seen)
            yield view

    @asynccontextmanager
    async def changing(self, source: int | None = None) -> AsyncIterator[Change]:
        """A change. Raises HistoryLost, SourceBusy."""
        seen = self._continuity.seen
        async with self._delegate.changing(source) as change:
            self._continuity.require(change.log.token, seen)
            yield change

    async def case(self, question: Question) -> Seen:
        """What a decision looks at. Raises HistoryLost."""
        seen = self._continuity.seen
        found = await self._delegate.case(question)
        self._continuity.require(found.token, seen)
        return found

    def looking(self, at: Position) -> AbstractAsyncContextManager[Looking]:
        """A view of a position, for explanations: what was lost can be looked into."""
        return self._delegate.looking(at)

    @asynccontextmanager
    async def trying(self) -> AsyncIterator[Trial]:
        """A change that is only tried. Raises HistoryLost."""
        seen = self._continuity.seen
        async with self._delegate.trying() as trial:
            self._continuity.require(trial.log.token, seen)
            yield trial

    async def forget_history(self, before: datetime) -> int:
        """Drops some of the past."""
        return await self._delegate.forget_history(before)

    def auditing(self) -> AbstractAsyncContextManager[AuditTrail]:
        """The audit trail."""
        return self._delegate.auditing()

    def fleet(self) -> AbstractAsyncContextManager[FleetBook]:
        """The gateways."""
        return self._delegate.fleet()

    async def forget(self, before: datetime) -> int:
        """Drops rows of the log."""
        return await self._delegate.forget(before)

    async def head(self) -> ConsistencyToken:
        """The newest position. Raises HistoryLost."""
        seen = self._continuity.seen
        head = await self._delegate.head()
        self._continuity.require(head, seen)
        return head

    async def changed(self, since: ConsistencyToken, within: float) -> ConsistencyToken:
        """The newest position, as soon as it differs."""
        return await self._delegate.changed(since, within)
