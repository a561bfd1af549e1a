"""The rebuild of an empty ledger from the authority topic: read by workers, stored in one change (§2.6).

Until that change there is nothing but what is staged, and aliases that nothing uses; after it everything is there, with
the positions. So whatever ends it, it begins anew, or the ordinary way begins where it always does.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

import structlog

from moorage.permissions.apply import Apply
from moorage.permissions.consumer import KafkaSources, StreamUnavailable
from moorage.permissions.ports import Change, Ledger, LedgerUnavailable
from moorage.permissions.rebuilding.merging import Found, merge, reduced
from moorage.permissions.rebuilding.messages import Done, Job, Odd, Piece
from moorage.permissions.rebuilding.order import Ordered, ordered
from moorage.permissions.rebuilding.reading import Place, Unsuited
from moorage.permissions.rebuilding.staging import BulkEdges, Counts, Staging, StagingLost, Stamp
from moorage.permissions.rebuilding.workers import PIECE, pieces_of
from moorage.permissions.reconcile_stores import Counted
from moorage.permissions.records import Source, SourceKind
from moorage.permissions.slots import Table
from moorage.permissions.topic_guard import TopicUnfit
from moorage.runtime.clock import Clock

FROM: Final = 100_000
"""Below so many offsets the ordinary way takes less time than to start workers."""
_MOST_ODD: Final = 500_000
_MOST_FAULTS: Final = 3
_log: Final = structlog.stdlib.get_logger(__name__)


class Extent(Protocol):
    """The topic as it is now."""

    async def now(self) -> Mapping[int, tuple[int, int]]:
        """First offset and end of each partition. Raises StreamUnavailable, TopicUnfit."""
        ...


class Workers(Protocol):
    """Those who read."""

    def read(self, job: Job, pieces: Sequence[Piece]) -> AsyncIterator[Done]:
        """Every piece as it is done, in any order. Raises StreamUnavailable, Unsuited, WorkerFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Where:
    """What workers connect to."""

    dsn: str
    role: str | None
    bootstrap: str
    topic: str


@dataclass
class _Read:
    """What the workers have found."""

    odd: dict[int, list[Odd]] = field(default_factory=lambda: defaultdict(list))
    newest: dict[int, tuple[int, str]] = field(default_factory=dict)
    counted: dict[tuple[int, Table], Counted] = field(default_factory=dict)
    edges: int = 0

    def add(self, done: Done) -> None:
        self.odd[done.piece.part] += done.odd
        self.edges += done.edges
        for each in done.sums:
            place, counted = (each.ws, each.table), Counted(each.facts, each.checksum, each.high)
            self.counted[place] = counted.plus(self.counted.get(place))
        for ws, newest in done.newest.items():
            self.newest[ws] = max(newest, self.newest.get(ws, newest))


_All = tuple[_Read, Ordered, Counts]


class BulkRebuild:
    """Happens once, before anything of the topic is followed, if it is worth it."""

    def __init__(
        self,
        ledger: Ledger,
        apply: Apply,
        clock: Clock,
        where: Where,
        extent: Extent,
        staging: Staging,
        workers: Workers,
        edges: Callable[[Change], BulkEdges],
        tell: Callable[[str | None], None],
        least: int = FROM,
    ) -> None:
        """`edges` are those of a change, `tell` is told how far it is, `least` says how many offsets are worth it."""
        self._ledger = ledger
        self._apply = apply
        self._clock = clock
        self._where = where
        self._extent = extent
        self._staging = staging
        self._workers = workers
        self._edges = edges
        self._tell = tell
        self._least = least
        self._faults = 0
        self._over = False

    async def ensure(self) -> None:
        """Returns when the topic may be followed. Raises StreamUnavailable, LedgerUnavailable, TopicUnfit."""
        if self._over:
            return
        try:
            await self._rebuild()
        except Unsuited as error:
            _log.info("The topic is not rebuilt in bulk; it is replayed record by record.", why=str(error))
        except StagingLost as error:
            raise StreamUnavailable("another process has begun to rebuild the ledger") from error
        except (StreamUnavailable, LedgerUnavailable, TopicUnfit):
            raise
        except Exception as error:  # a fault of ours, or a worker that was killed: the ordinary way knows neither
            self._fail(error)
        finally:
            self._tell(None)
        self._over = True

    def _fail(self, error: Exception) -> None:
        self._faults += 1
        if self._faults < _MOST_FAULTS:
            raise StreamUnavailable(f"{type(error).__name__}: {error}") from error
        _log.error("The rebuild in bulk fails; the topic is replayed record by record.", exc_info=error)

    async def _rebuild(self) -> None:
        source, extent = await self._source(), await self._extent.now()
        offsets = sum(end - first for first, end in extent.values())
        if offsets < self._least:
            raise Unsuited(f"there are only {offsets} offsets")
        await self._require_untold()
        async with self._staging.run() as run:
            if run is None:
                raise StreamUnavailable("another process rebuilds the ledger")
            await self._run(run, source, extent)

    async def _run(self, run: UUID, source: Source, extent: Mapping[int, tuple[int, int]]) -> None:
        began = time.monotonic()
        read, order, counted = await self._read(run, source, extent, await self._stamp(source), began)
        newest = {ws: event for ws, (_, event) in read.newest.items()}
        found = Found(run, source, self._where.topic, extent, counted, newest, order.stretches)
        await merge(self._ledger, self._apply, self._edges, found)
        _log.info("The ledger has been rebuilt from the topic.", edges=read.edges, seconds=_since(began))
        await self._look_at_stored()

    async def _look_at_stored(self) -> None:
        try:
            await self._staging.look_at_stored()
        except Exception as error:  # everything is stored, and the database does it by itself a little later
            _log.warning("The database could not look at what was stored.", exc_info=error)

    async def _stamp(self, source: Source) -> Stamp:
        async with self._ledger.changing() as change:
            edges = self._edges(change)
            # Another process may have done it all before it let us.
            if not await edges.untold(self._where.topic):
                raise Unsuited("the ledger is not empty")
            return Stamp(source.id, self._clock.now(), await edges.place())

    async def _read(
        self, run: UUID, source: Source, extent: Mapping[int, tuple[int, int]], stamp: Stamp, began: float
    ) -> _All:
        apart = frozenset[Place]()
        while True:
            read = await self._pieces(run, extent, stamp, apart)
            _log.info("All edges of the topic have been read.", edges=read.edges, seconds=_since(began))
            self._tell(f"topic {self._where.topic} has been read; its edges are being stored")
            # PostgreSQL reduces while the others are put in order here.
            counted, order = await asyncio.gather(
                reduced(self._staging, run, read.counted), ordered(self._where.topic, read.odd, [source])
            )
            _log.info("One edge of each key is left.", seconds=_since(began))
            if order.apart <= apart:
                return read, order, counted
            _log.info("The order of some records counts; these are read apart.", places=len(order.apart))
            apart |= order.apart
            await self._staging.empty(run)

    async def _pieces(
        self, run: UUID, extent: Mapping[int, tuple[int, int]], stamp: Stamp, apart: frozenset[Place]
    ) -> _Read:
        where, read = self._where, _Read()
        said = (stamp.source, stamp.at, stamp.seq)
        job = Job(where.dsn, where.role, where.bootstrap, where.topic, run, *said, sorted(apart))
        left = sum(end - first for first, end in extent.values())
        self._tell(_words(where.topic, left))
        async for done in self._workers.read(job, pieces_of(extent, PIECE)):
            read.add(done)
            left -= done.piece.stop - done.piece.start
            self._tell(_words(where.topic, left))
            if sum(map(len, read.odd.values())) > _MOST_ODD:
                raise Unsuited("too much of it is no plain edges")
        return read

    async def _source(self) -> Source:
        sources = await KafkaSources(self._ledger).asked()
        if len(sources) != 1 or sources[0].spec.kind is not SourceKind.CONTINUOUS:
            raise Unsuited("it is not told by one continuous source")
        return sources[0]

    async def _require_untold(self) -> None:
        async with self._ledger.changing() as change:
            if not await self._edges(change).untold(self._where.topic):
                raise Unsuited("the ledger is not empty")


def _words(topic: str, left: int) -> str:
    return f"topic {topic} is being replayed; {left} offsets are left"


def _since(began: float) -> float:
    return round(time.monotonic() - began, 1)
