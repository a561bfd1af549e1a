"""What the use cases need: one ordered ledger, seen through views and changed one transaction at a time.

A `View` is one consistent position; a `Change` is the only writer while it is open, sees what it has written, and
commits as a whole or not at all. Every method may raise `LedgerUnavailable`. See tests/contracts/fact_store.py.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Row
from moorage.permissions.audit_trail import AuditTrail, AuditWriter
from moorage.permissions.bookkeeping import EpochBook, EpochReader, FleetBook, Freshnesses, SyncReader
from moorage.permissions.cases import Question, Seen
from moorage.permissions.history import Holders, Looking, Position
from moorage.permissions.lookups import (
    Cases,
    CredentialReader,
    Hierarchy,
    ImageReader,
    Log,
    Positions,
    Snapshots,
    Sources,
    Standings,
)
from moorage.permissions.reach import Reachable
from moorage.permissions.reconcile_stores import (
    Authorities,
    AuthorityReader,
    LetterReader,
    ParkedFacts,
    RunReader,
    SnapshotRuns,
)
from moorage.permissions.request_book import RequestBook, RequestReader
from moorage.permissions.stores import ChangeLog, Credentials, FactStore, ImageRecords, Intake, SourceBook
from moorage.permissions.topic_book import TopicBook, TopicReader


class LedgerUnavailable(Exception):
    """The ledger can't be reached now; what was being changed has not been, or it can't be known."""


class HistoryLost(LedgerUnavailable):
    """The ledger lacks changes that gateways have seen: nothing is decided on it before the epoch is bumped (§3.7)."""


class SourceBusy(Exception):
    """Another change on behalf of this source is open (H1)."""


class View(Protocol):
    """One consistent position of everything."""

    @property
    def token(self) -> ConsistencyToken:
        """The position."""
        ...

    @property
    def hierarchy(self) -> Hierarchy: ...

    @property
    def standings(self) -> Standings: ...

    @property
    def cases(self) -> Cases: ...

    @property
    def images(self) -> ImageReader: ...

    @property
    def reachable(self) -> Reachable: ...

    @property
    def credentials(self) -> CredentialReader: ...

    @property
    def sources(self) -> Sources: ...

    @property
    def freshness(self) -> Freshnesses: ...

    @property
    def epochs(self) -> EpochReader: ...

    @property
    def sync(self) -> SyncReader: ...

    @property
    def snapshots(self) -> Snapshots: ...

    @property
    def positions(self) -> Positions: ...

    @property
    def topics(self) -> TopicReader: ...

    @property
    def authorities(self) -> AuthorityReader: ...

    @property
    def runs(self) -> RunReader: ...

    @property
    def letters(self) -> LetterReader: ...

    @property
    def requests(self) -> RequestReader: ...

    @property
    def log(self) -> Log: ...


class Change(Protocol):
    """The one change that is being made."""

    @property
    def hierarchy(self) -> Hierarchy: ...

    @property
    def standings(self) -> Standings: ...

    @property
    def cases(self) -> Cases: ...

    @property
    def images(self) -> ImageRecords: ...

    @property
    def credentials(self) -> Credentials: ...

    @property
    def sources(self) -> SourceBook: ...

    @property
    def freshness(self) -> Freshnesses: ...

    @property
    def epochs(self) -> EpochBook: ...

    @property
    def facts(self) -> FactStore: ...

    @property
    def intake(self) -> Intake: ...

    @property
    def topics(self) -> TopicBook: ...

    @property
    def authorities(self) -> Authorities: ...

    @property
    def runs(self) -> SnapshotRuns: ...

    @property
    def parked(self) -> ParkedFacts: ...

    @property
    def requests(self) -> RequestBook: ...

    @property
    def log(self) -> ChangeLog: ...

    @property
    def audit(self) -> AuditWriter: ...


class Trial(Change, Protocol):
    """A change that is only tried, with everybody's roles in it."""

    @property
    def holders(self) -> Holders: ...

    @property
    def told(self) -> Sequence[Row]:
        """The rows that were appended so far."""
        ...

    def head(self) -> AbstractAsyncContextManager[Looking]:
        """A view of the position at which the change is tried, without it."""
        ...


class Deciding(Protocol):
    """What a decision looks at: both a view and a change offer it."""

    @property
    def hierarchy(self) -> Hierarchy: ...

    @property
    def standings(self) -> Standings: ...

    @property
    def cases(self) -> Cases: ...

    @property
    def images(self) -> ImageReader: ...

    @property
    def credentials(self) -> CredentialReader: ...

    @property
    def freshness(self) -> Freshnesses: ...


class Ledger(Protocol):
    """The one order of changes and everything it has led to."""

    def viewing(self) -> AbstractAsyncContextManager[View]:
        """A view of the newest position."""
        ...

    async def case(self, question: Question) -> Seen:
        """What a decision at the newest position looks at: all that a view would say of the question, at once."""
        ...

    def looking(self, at: Position) -> AbstractAsyncContextManager[Looking]:
        """A view of a position, now or then. Raises PositionUnknown."""
        ...

    def trying(self) -> AbstractAsyncContextManager[Trial]:
        """A change at one position, undone when the body ends, whatever happens.

        It takes no turn. Only who changes the same facts meanwhile waits for it, so be brief.
        """
        ...

    async def forget_history(self, before: datetime) -> int:
        """Drops some of the past that was over before then; how many rows, 0 when there are none left."""
        ...

    def changing(self, source: int | None = None) -> AbstractAsyncContextManager[Change]:
        """A change, committed when the body ends, undone when it raises. Raises SourceBusy for a source's second."""
        ...

    def auditing(self) -> AbstractAsyncContextManager[AuditTrail]:
        """The audit trail, beside the order of changes; what is appended stays when the body ends."""
        ...

    def fleet(self) -> AbstractAsyncContextManager[FleetBook]:
        """The gateways, beside the order of changes; what is reported is kept when the body ends."""
        ...

    async def forget(self, before: datetime) -> int:
        """Drops the oldest rows of the log that were written before then; how many, 0 when there are none left."""
        ...

    async def head(self) -> ConsistencyToken:
        """The newest position."""
        ...

    async def changed(self, since: ConsistencyToken, within: float) -> ConsistencyToken:
        """The newest position, as soon as it differs from `since`, or after `within` seconds."""
        ...


class Pepper(Protocol):
    """The key under which secrets are kept."""

    def digest(self, secret: str) -> bytes:
        """What is kept of a secret."""
        ...


class OperatorPlace(Protocol):
    """Where the operator's secret is kept for whoever owns the place. Both methods may raise OSError."""

    def kept(self) -> str | None:
        """The secret that is there; None if there is none."""
        ...

    def keep(self, secret: str) -> None:
        """Puts the secret there, durably, instead of what was there before."""
        ...
