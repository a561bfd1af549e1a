"""Follows the fact topics: records and the positions after them are stored in one change (§2.3).

What little there is of several partitions shares a change, so that heartbeats don't keep each other waiting. While the
database works on one change the records of the next are fetched and read; never more than one ahead.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

import structlog

from moorage.events.plain_edges import EdgeReader
from moorage.permissions.apply import Apply, Stretch
from moorage.permissions.batches import Record, Sorted, sort_batch
from moorage.permissions.ingest_metrics import IngestMetrics
from moorage.permissions.pace import Pace
from moorage.permissions.ports import Ledger, LedgerUnavailable
from moorage.permissions.records import Source, Transport
from moorage.permissions.stores import Advance, PositionMoved
from moorage.permissions.topic_guard import TopicUnfit

SOURCES_SECONDS: Final = 1.0
"""So long the declarations of sources are believed; what no known source may say is asked for anew at once."""
_AT_ONCE: Final = 80
"""So many records are read before others have their turn: about 0.5 ms; answers of the database wait for it."""
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 30.0
_log: Final = structlog.stdlib.get_logger(__name__)


class StreamUnavailable(Exception):
    """The brokers can't be reached, or refuse us, now."""


class PositionOutOfRange(Exception):
    """The stored position is not in the partition: records are lost, or the topic was made anew (R112)."""

    def __init__(self, topic: str, part: int, position: int) -> None:
        super().__init__(topic, part, position)
        self.topic, self.part, self.position = topic, part, position


@dataclass(frozen=True, slots=True)
class Fetched:
    """The next records of a partition, in order; `old` is where they were asked from, `new` follows the last one.

    `turn` tells one stretch of reading the partition from the next.
    """

    topic: str
    part: int
    old: int
    new: int
    records: Sequence[Record]
    turn: int = 0


class RecordStream(Protocol):
    """Partitions assigned to us, read from positions that the ledger keeps."""

    def batches(self, pace: Pace) -> AsyncIterator[Sequence[Fetched]]:
        """The next records of the assigned partitions in turn, as many partitions at once as fit together.

        Raises StreamUnavailable, PositionOutOfRange, TopicUnfit.
        """
        ...

    async def rewind(self, topic: str, part: int) -> None:
        """Reads on from the stored position, after a batch that was not applied."""
        ...

    def is_current(self, fetched: Fetched) -> bool:
        """Whether the partition has been ours, without a rewind, since this was fetched."""
        ...

    def lag(self) -> Mapping[tuple[str, int], int]:
        """How many offsets of each partition have not been fetched yet, by the end of its log."""
        ...


class RecordStreams(Protocol):
    """Opens streams."""

    @property
    def topics(self) -> Sequence[str]:
        """What they read."""
        ...

    def apart(self) -> Sequence["RecordStreams"]:
        """One for each topic, so that what befalls a topic does not hold back the others."""
        ...

    def open(self) -> AbstractAsyncContextManager[RecordStream]:
        """A stream, closed when the body ends. Raises StreamUnavailable, TopicUnfit."""
        ...


class Consumer:
    """Follows while it is open as a context. Nothing that goes wrong outside ends it."""

    def __init__(
        self,
        ledger: Ledger,
        apply: Apply,
        streams: RecordStreams,
        metrics: IngestMetrics,
    ) -> None:
        self._following = [_Following(ledger, apply, each, metrics) for each in streams.apart()]
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is None:
            return
        self._task.cancel()
        # What ended it before, if anything did, is a bug of ours and is told here at the latest.
        with suppress(asyncio.CancelledError):
            await self._task

    async def run(self) -> None:
        """Follows the topics for ever."""
        async with asyncio.TaskGroup() as tasks:
            for each in self._following:
                tasks.create_task(each.run())

    def behind(self) -> Mapping[tuple[str, int], int]:
        """How many offsets of each partition that is read here have not been fetched yet."""
        return {each: offsets for one in self._following for each, offsets in one.behind().items()}

    def stopped(self) -> str | None:
        """Which topics are not applied until somebody acts, and why, in words; None if all are."""
        return "; ".join(each.stopped for each in self._following if each.stopped) or None


@dataclass(frozen=True, slots=True)
class _Read:
    """A batch whose records have been read, by what these sources may say."""

    fetched: Fetched
    sources: Sequence[Source]
    batch: Sorted

    def stretch(self) -> Stretch:
        """As it is applied."""
        fetched = self.fetched
        return Stretch(self.batch, self.sources, Advance(fetched.topic, fetched.part, fetched.old, fetched.new))


class _Following:
    """Follows one topic."""

    def __init__(self, ledger: Ledger, apply: Apply, streams: RecordStreams, metrics: IngestMetrics) -> None:
        self._apply = apply
        self._streams = streams
        self._metrics = metrics
        self._sources = KafkaSources(ledger)
        self._reader = EdgeReader()
        self._pace = Pace()
        self._pause = _FIRST_PAUSE
        self._stream: RecordStream | None = None
        self.stopped: str | None = None

    def behind(self) -> Mapping[tuple[str, int], int]:
        return self._stream.lag() if self._stream else {}

    async def run(self) -> None:
        while True:
            try:
                async with self._streams.open() as stream:
                    self._stream, self.stopped = stream, None
                    await self._follow(stream)
            except (StreamUnavailable, LedgerUnavailable) as error:
                _log.warning("Facts can't be followed now; trying again.", error=str(error), seconds=self._pause)
            except PositionOutOfRange as error:
                # Never jump to the end: what lies between may have been a revocation. Silence is staleness.
                self._stop(f"position {error.position} is not in partition {error.part} of {error.topic} any more")
                _log.error(
                    "A stored position is not in its partition any more; rebuild from a snapshot.",
                    topic=error.topic,
                    part=error.part,
                    position=error.position,
                )
            except TopicUnfit as error:
                self._stop(error.words)
                _log.error("A topic is not what it should be; nothing more is applied from it.", why=error.words)
            except asyncio.CancelledError:
                if _is_asked_to_end():
                    raise
                # The Kafka library lets its own, when a broker dies, out to whoever waits; that must not end us.
                _log.warning("Facts can't be followed now; trying again.", error="cancelled", seconds=self._pause)
            except Exception:  # a bug of ours must not end what brings revocations; nothing has moved, so try again
                _log.exception("Facts can't be followed because of a fault; trying again.")
            self._stream = None
            await self._wait()

    def _stop(self, words: str) -> None:
        self.stopped = words
        self._pause = _LONGEST_PAUSE

    async def _follow(self, stream: RecordStream) -> None:
        async with aclosing(self._read(stream)) as batches:  # type: ignore[type-var] # an async generator it is
            ahead = asyncio.create_task(_next(batches))
            try:
                while (together := await ahead) is not None:
                    ahead = asyncio.create_task(_next(batches))
                    await self._take(stream, together)
                    self._metrics.lag(stream.lag())
                    self._pause = _FIRST_PAUSE
            finally:
                ahead.cancel()
                await asyncio.wait([ahead])

    async def _read(self, stream: RecordStream) -> AsyncIterator[list[_Read]]:
        async for together in stream.batches(self._pace):
            yield [await self._sorted(fetched) for fetched in together]

    async def _sorted(self, fetched: Fetched) -> _Read:
        sources = await self._sources.known()
        batch = await self._sort(fetched, sources)
        if any(each.reason == "source" for each in batch.refused) and self._sources.are_old:
            sources = await self._sources.asked()
            batch = await self._sort(fetched, sources)
        return _Read(fetched, sources, batch)

    async def _sort(self, fetched: Fetched, sources: Sequence[Source]) -> Sorted:
        batch = Sorted()
        for at in range(0, len(fetched.records), _AT_ONCE):
            sort_batch(fetched.records[at : at + _AT_ONCE], sources, fetched.part, batch, self._reader)
            await asyncio.sleep(0)
        return batch

    async def _take(self, stream: RecordStream, together: Sequence[_Read]) -> None:
        mine = [each for each in together if stream.is_current(each.fetched)]
        if len(mine) > 1 and await self._together(mine):
            return
        for each in mine:
            await self._alone(stream, each)

    async def _together(self, mine: Sequence[_Read]) -> bool:
        try:
            await self._store(mine)
        except PositionMoved:
            return False
        except LedgerUnavailable:
            raise
        except Exception:  # a fault of one partition must not hold back the others: alone, only its own batch fails
            _log.exception("Partitions can't be applied together because of a fault; trying one by one.")
            return False
        return True

    async def _alone(self, stream: RecordStream, read: _Read) -> None:
        fetched = read.fetched
        try:
            await self._store([read])
        except PositionMoved:
            _log.info("Another consumer has advanced this partition.", topic=fetched.topic, part=fetched.part)
            await stream.rewind(fetched.topic, fetched.part)

    async def _store(self, reads: Sequence[_Read]) -> None:
        topic, began = reads[0].fetched.topic, time.monotonic()
        with self._metrics.applying(topic):
            done = await self._apply.partitions([each.stretch() for each in reads])
        self._pace.took(sum(len(each.fetched.records) for each in reads), time.monotonic() - began)
        for counts, refused in done:
            self._metrics.applied(topic, counts, refused)

    async def _wait(self) -> None:
        # Jitter keeps a fleet from coming back in step; nothing secret depends on it.
        await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, protects nothing
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


def _is_asked_to_end() -> bool:
    """Whether it is this very task that was cancelled, and not something it waits for."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def _next(batches: AsyncIterator[list[_Read]]) -> list[_Read] | None:
    return await anext(batches, None)


class KafkaSources:
    """The sources that speak over Kafka, remembered for a moment."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._found: Sequence[Source] = ()
        self._until = 0.0
        self.are_old = True
        """Whether they were not asked for just now."""

    async def known(self) -> Sequence[Source]:
        """As they were at most SOURCES_SECONDS ago."""
        if time.monotonic() >= self._until:
            return await self.asked()
        self.are_old = True
        return self._found

    async def asked(self) -> Sequence[Source]:
        """As they are."""
        async with self._ledger.viewing() as view:
            found = await view.sources.all()
        self._found = [source for source in found if source.spec.transport is Transport.KAFKA]
        self._until, self.are_old = time.monotonic() + SOURCES_SECONDS, False
        return self._found


class StoredPositions:
    """The positions that the ledger keeps."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def of(self, partitions: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        """The next offset to apply of each partition; 0 for one never seen."""
        async with self._ledger.viewing() as view:
            return {each: await view.positions.of(*each) for each in partitions}
