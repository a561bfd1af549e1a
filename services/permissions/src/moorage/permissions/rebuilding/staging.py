"""What the rebuild needs of the database beside the ledger: a place for edges that are not stored yet."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from moorage.permissions.reconcile_stores import Counted
from moorage.permissions.slots import Table

_SAID: Final = ("fingerprint", "src", "at", "seq", "by_whom")
COLUMNS: Final[Mapping[Table, tuple[str, ...]]] = {
    Table.GROUP_MEMBER: ("ws", "usr", "grp", "ver", "ev", "present", *_SAID),
    Table.WORKSPACE_MEMBER: ("ws", "usr", "ver", "ev", "role", *_SAID),
    Table.GRANT: ("ws", "node", "grantee", "ver", "ev", "role", *_SAID, "node_kind", "grantee_kind"),
}
"""What is staged of an edge, in the order in which rows have it."""
EDGES: Final = (Table.GROUP_MEMBER, Table.GRANT, Table.WORKSPACE_MEMBER)
Counts = Mapping[tuple[int, Table], Counted]
"""Of a workspace and a kind of edges."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What all edges of a run have in common: who told them, since when and which position they are there.

    That position is nobody else's: what is staged comes true later, but not before anybody is given one behind it.
    """

    source: int
    at: datetime
    seq: int


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

    async def reduce(self, run: UUID, table: Table) -> Mapping[int, Counted]:
        """Leaves one edge per key, and looks them up by it; answers, of each workspace, what those that went counted.

        Raises StagingLost, LedgerUnavailable.
        """
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

    async def place(self) -> int:
        """A position that nobody but this change has; its change says nothing else."""
        ...

    async def take(self, run: UUID, newest: Mapping[int, str]) -> None:
        """All that is staged is stored; `newest` are the events told last, by workspace. Raises StagingLost.

        The rows of this change are not kept in the log: whoever is behind it has to take a snapshot.
        """
        ...
