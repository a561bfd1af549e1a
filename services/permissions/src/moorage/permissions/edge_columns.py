"""Edges of one kind, and between what they are, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

from moorage.events.plain_edges import PlainEdge
from moorage.permissions.slots import Slot, Table

Ends = tuple[int, int]
"""The aliases of both ends; the second one of a workspace's member is 0."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges of one table, workspace and source, alike in the kinds of their ends."""

    table: Table
    ws: int
    source: int
    told: Sequence[PlainEdge]
    ends: Sequence[Ends]

    def only(self, chosen: Sequence[bool]) -> "Edges":
        """Those chosen."""
        return self.of(list(compress(self.told, chosen)), list(compress(self.ends, chosen)))

    def of(self, told: Sequence[PlainEdge], ends: Sequence[Ends]) -> "Edges":
        """Others that are alike."""
        return Edges(self.table, self.ws, self.source, told, ends)

    def slots(self) -> list[Slot]:
        """Their places, as all facts have one."""
        return [Slot(self.table, self.ws, a, b) for a, b in self.ends]
