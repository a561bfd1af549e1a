"""Reads pieces of a topic: plain edges are staged, everything else is handed back in its order."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Set
from operator import attrgetter
from typing import Final, Protocol
from uuid import UUID

from moorage.access.frames import EntityKind
from moorage.events.checksums import MODULUS
from moorage.events.plain_edges import EdgeReader, PlainEdge
from moorage.permissions.batches import Like, Record, sort_batch
from moorage.permissions.edge_columns import Ends
from moorage.permissions.ports import Ledger
from moorage.permissions.rebuilding.messages import Done, Odd, Piece, Sum
from moorage.permissions.rebuilding.rows import Rows
from moorage.permissions.rebuilding.staging import StagedRows, Stamp
from moorage.permissions.reconcile_stores import Counted
from moorage.permissions.records import Source
from moorage.permissions.slots import Table

_GLOBAL: Final = frozenset({EntityKind.USER.value, EntityKind.WORKSPACE.value})
_WORKSPACE: Final = EntityKind.WORKSPACE.value
_MOST_REMEMBERED: Final = 2**20
"""Aliases; about 200 bytes each."""
_COPY_ROWS: Final = 20_000
_version: Final = attrgetter("version")
_digest: Final = attrgetter("digest")
_rank: Final = attrgetter("rank")

Place = tuple[str, str]
"""A workspace and a key in it, or the workspace and nothing."""


class Unsuited(Exception):
    """The rebuild in bulk can't do this topic; why is in words."""


class Kept(Protocol):
    """A record as the topic keeps it: its offset, its bytes, and when it was written in milliseconds since 1970."""

    @property
    def offset(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int | None: ...


class Past(Protocol):
    """A topic as it was, read from anywhere."""

    def records(self, part: int, start: int, stop: int) -> AsyncIterator[Sequence[Kept]]:
        """The records of a partition from offset to offset, in order. Raises StreamUnavailable, Unsuited."""
        ...


class _Group:
    """Edges that are alike; None is in their place if others must judge them."""

    def __init__(self, table: Table, workspace: str) -> None:
        self.table, self.workspace = table, workspace
        self.told: list[PlainEdge] = []


class _Found:
    """What a piece has told of each workspace."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, Table], Counted] = {}
        self.newest: dict[int, tuple[int, str]] = {}

    def add(self, ws: int, group: _Group) -> None:
        ranks, last = list(map(_rank, group.told)), max(group.told, key=_version)
        counted = Counted(len(ranks) - ranks.count(0), sum(map(_digest, group.told)), last.version)
        self._sums[ws, group.table] = counted.plus(self._sums.get((ws, group.table)))
        self.newest[ws] = max(self.newest.get(ws, (-1, "")), (last.version, last.event))

    def written(self) -> list[Sum]:
        """As it is said to who waits for the piece."""
        return [
            Sum(ws, table, each.facts, each.checksum % MODULUS, each.high) for (ws, table), each in self._sums.items()
        ]


class PieceReader:
    """Reads for one run; remembers aliases and who may tell what."""

    def __init__(
        self,
        past: Past,
        ledger: Ledger,
        staged: StagedRows,
        sources: Sequence[Source],
        run: UUID,
        stamp: Stamp,
        apart: Set[Place],
    ) -> None:
        self._past = past
        self._ledger = ledger
        self._staged = staged
        self._sources = sources
        self._run = run
        self._stamp = stamp
        self._apart = apart
        self._reader = EdgeReader()
        self._known: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        self._tables: dict[tuple[int, Like], Table | None] = {}
        self._copying: asyncio.Task[None] | None = None

    async def read(self, piece: Piece) -> Done:
        """Returns when the piece is staged. Raises StreamUnavailable, LedgerUnavailable, StagingLost, Unsuited."""
        odd: list[Odd] = []
        groups: dict[Like, _Group] = {}
        found = _Found()
        edges = waiting = 0
        async for records in self._past.records(piece.part, piece.start, piece.stop):
            plain = self._sort(piece.part, records, groups, odd)
            edges, waiting = edges + plain, waiting + plain
            if waiting >= _COPY_ROWS:
                await self._stage(groups, found)
                waiting = 0
            await asyncio.sleep(0)
        await self._stage(groups, found)
        await self._copied()
        return Done(piece, edges, odd, found.written(), found.newest)

    def _sort(self, part: int, records: Iterable[Kept], groups: dict[Like, _Group], odd: list[Odd]) -> int:
        """How many of the records are plain edges."""
        plain, read, apart = 0, self._reader.read, self._apart
        for record in records:
            # A null record only removes a key for good; it never revokes, so it says nothing (§2.2).
            if (body := record.value) is None:
                continue
            edge = read(body)
            if edge is None or (apart and ((edge.workspace, edge.key) in apart or (edge.workspace, "") in apart)):
                odd.append(Odd(record.offset, record.timestamp, body))
                continue
            like = (edge.source, edge.type, edge.workspace, edge.a_kind, edge.b_kind)
            group = groups.get(like)
            if group is None:
                table = self._table(part, like, Record(record.offset, body, record.timestamp))
                if table is None:
                    odd.append(Odd(record.offset, record.timestamp, body))
                    continue
                group = groups[like] = _Group(table, edge.workspace)
            group.told.append(edge)
            plain += 1
        return plain

    def _table(self, part: int, like: Like, record: Record) -> Table | None:
        """Where edges like this one are kept, if the source may tell them here."""
        if (part, like) not in self._tables:
            [group] = sort_batch([record], self._sources, part, reader=self._reader).edges.values() or [None]
            self._tables[part, like] = group.table if group else None
        return self._tables[part, like]

    async def _stage(self, groups: dict[Like, _Group], found: _Found) -> None:
        rows: dict[Table, Rows] = {}
        for (_, _, home, a_kind, b_kind), group in groups.items():
            [ws] = await self._aliases(home, _WORKSPACE, [home])
            ends = await self._ends(home, group.told, a_kind, b_kind)
            if group.table not in rows:
                rows[group.table] = Rows(group.table, self._stamp)
            rows[group.table].add(ws, group.told, ends, a_kind, b_kind)
            found.add(ws, group)
        groups.clear()
        # One copy at a time goes on while the next rows are read.
        await self._copied()
        self._copying = asyncio.create_task(self._copy(rows))

    async def _copied(self) -> None:
        if self._copying is not None:
            copying, self._copying = self._copying, None
            await copying

    async def _copy(self, rows: Mapping[Table, Rows]) -> None:
        for table, each in rows.items():
            await self._staged.add(self._run, table, each.written())

    async def _ends(self, home: str, told: Sequence[PlainEdge], a_kind: str, b_kind: str) -> Sequence[Ends]:
        a = await self._aliases(home, a_kind, [each.a for each in told])
        b = await self._aliases(home, b_kind, [each.b for each in told]) if b_kind else [0] * len(a)
        return list(zip(a, b, strict=True))

    async def _aliases(self, home: str, kind: str, ids: Sequence[str]) -> Sequence[int]:
        known = self._known["" if kind in _GLOBAL else home, kind]
        found = list(map(known.get, ids))
        if None not in found:
            return found  # type: ignore[return-value]  # there is no None in it
        new = sorted({id for id, alias in zip(ids, found, strict=True) if alias is None})
        made = dict(zip(new, await self._named(None if kind in _GLOBAL else UUID(home), kind, new), strict=True))
        if sum(map(len, self._known.values())) > _MOST_REMEMBERED:
            self._known.clear()
        self._known["" if kind in _GLOBAL else home, kind].update(made)
        return [alias or made[id] for id, alias in zip(ids, found, strict=True)]

    async def _named(self, home: UUID | None, kind: str, ids: Sequence[str]) -> Sequence[int]:
        async with self._ledger.changing() as change:
            return await change.facts.named(home, kind, ids)
