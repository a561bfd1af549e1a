"""What the rebuild needs of the database beside the ledger: a place for edges that are not stored yet."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from moorage.permissions.reconcile_stores import Counted
from moorage.permissions.slots import Table

COLUMNS: Final = ("ws", "a", "b", "ver", "digest", "rank", "ev", "by_whom", "a_kind", "b_kind")
"""What is staged of an edge, in the order in which rows have it."""
EDGES: Final = (Table.GROUP_MEMBER, Table.GRANT, Table.WORKSPACE_MEMBER)


class StagingLost(Exception):
    """Another run has begun meanwhile: what was staged is gone."""


class Staging(Protocol):
    """Staged edges; nobody but a rebuild sees them."""

    def run(self) -> AbstractAsyncContextManager[UUID | None]:
        """A run of its own, with nothing staged; None while another process has one. Emptied when the body ends."""
        ...

    async def empty(self, run: UUID) -> None:
        """Stages nothing so far; nobody may add to it meanwhile. Raises StagingLost, LedgerUnavailable."""
        ...

    async def reduce(self, table: Table) -> Mapping[int, Counted]:
        """Leaves one edge per key; answers what there is now of each workspace. Raises LedgerUnavailable."""
        ...

    async def look_at_stored(self) -> None:
        """Prepares the database for questions about edges that have been stored. Raises LedgerUnavailable."""
        ...


class StagedRows(Protocol):
    """Where those who read put edges."""

    async def add(self, run: UUID, table: Table, rows: bytes) -> None:
        """Stages rows as `moorage.permissions.rebuilding.rows` writes them. Raises StagingLost, LedgerUnavailable."""
        ...


class BulkEdges(Protocol):
    """The edges of a ledger, to be stored all at once in the change that is open."""

    async def untold(self, topic: str) -> bool:
        """Whether no source has told of any workspace yet, and nothing of the topic was applied."""
        ...

    async def take(self, run: UUID, source: int, at: datetime, newest: Mapping[int, str]) -> None:
        """Stores all that is staged; `newest` are the events told last, by workspace. Raises StagingLost.

        The rows of this change are not kept in the log: whoever is behind it has to take a snapshot.
        """
        ...
