"""What sources are asked for, kept in the ledger until they have answered (§2.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something that is asked of a source: a snapshot of a workspace, or of one user's facts on one repository."""

    id: int
    kind: str
    workspace: UUID
    user: UUID | None
    repository: UUID | None
    at: datetime


class RequestReader(Protocol):
    """What is asked of sources, to be looked at."""

    async def of(self, source: int, limit: int) -> Sequence[Wanted]:
        """What this source is asked, oldest first."""
        ...


class RequestBook(RequestReader, Protocol):
    """What is asked of sources."""

    async def want(
        self, source: int, kind: str, workspace: int, user: UUID | None, repository: UUID | None, at: datetime
    ) -> bool:
        """Asks, once; False if it is asked already, or too much is."""
        ...

    async def done(self, source: int, id: int) -> bool:
        """Forgets a request of this source; False if there is none."""
        ...

    async def answered(self, source: int, workspace: int) -> None:
        """A snapshot of the workspace has come: forgets what was asked about it before."""
        ...
