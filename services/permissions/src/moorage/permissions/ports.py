"""What the use cases need: one ordered ledger, seen through views and changed one transaction at a time.

A `View` is one consistent position; a `Change` is the only writer while it is open, sees what it has written, and
commits as a whole or not at all. Every method may raise `LedgerUnavailable`. See tests/contracts/fact_store.py.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from moorage.access.consistency import ConsistencyToken
from moorage.permissions.lookups import (
    CredentialReader,
    Hierarchy,
    ImageReader,
    Log,
    Positions,
    Snapshots,
    Sources,
    Standings,
)
from moorage.permissions.stores import ChangeLog, Credentials, FactStore, ImageRecords, Intake, SourceBook


class LedgerUnavailable(Exception):
    """The ledger can't be reached now; what was being changed has not been, or it can't be known."""


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
    def images(self) -> ImageReader: ...

    @property
    def credentials(self) -> CredentialReader: ...

    @property
    def sources(self) -> Sources: ...

    @property
    def snapshots(self) -> Snapshots: ...

    @property
    def positions(self) -> Positions: ...

    @property
    def log(self) -> Log: ...


class Change(Protocol):
    """The one change that is being made."""

    @property
    def hierarchy(self) -> Hierarchy: ...

    @property
    def standings(self) -> Standings: ...

    @property
    def images(self) -> ImageRecords: ...

    @property
    def credentials(self) -> Credentials: ...

    @property
    def sources(self) -> SourceBook: ...

    @property
    def facts(self) -> FactStore: ...

    @property
    def intake(self) -> Intake: ...

    @property
    def log(self) -> ChangeLog: ...


class Deciding(Protocol):
    """What a decision looks at: both a view and a change offer it."""

    @property
    def hierarchy(self) -> Hierarchy: ...

    @property
    def standings(self) -> Standings: ...

    @property
    def images(self) -> ImageReader: ...

    @property
    def credentials(self) -> CredentialReader: ...


class Ledger(Protocol):
    """The one order of changes and everything it has led to."""

    def viewing(self) -> AbstractAsyncContextManager[View]:
        """A view of the newest position."""
        ...

    def changing(self, source: int | None = None) -> AbstractAsyncContextManager[Change]:
        """A change, committed when the body ends, undone when it raises. Raises SourceBusy for a source's second."""
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
