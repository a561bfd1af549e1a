"""Follows the fact topics: one partition's records at a time, applied and advanced in one change (§2.3)."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

import structlog

from moorage.permissions.apply import Advance, Apply
from moorage.permissions.batches import Record
from moorage.permissions.ports import Ledger, LedgerUnavailable
from moorage.permissions.records import Source, Transport
from moorage.permissions.stores import PositionMoved

BATCH: Final = 1000
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
    """The next records of a partition, in order; `old` is where they were asked from, `new` follows the last one."""

    topic: str
    part: int
    old: int
    new: int
    records: Sequence[Record]


class RecordStream(Protocol):
    """Partitions assigned to us, read from positions that the ledger keeps."""

    def batches(self, limit: int) -> AsyncIterator[Fetched]:
        """The next records of each assigned partition in turn. Raises StreamUnavailable, PositionOutOfRange."""
        ...

    async def rewind(self, topic: str, part: int) -> None:
        """Reads on from the stored position, after a batch that was not applied."""
        ...


class RecordStreams(Protocol):
    """Opens streams."""

    def apart(self) -> Sequence["RecordStreams"]:
        """One for each topic, so that what befalls a topic does not hold back the others."""
        ...

    def open(self) -> AbstractAsyncContextManager[RecordStream]:
        """A stream, closed when the body ends. Raises StreamUnavailable."""
        ...


class Consumer:
    """Follows while it is open as a context. Nothing that goes wrong outside ends it."""

    def __init__(self, ledger: Ledger, apply: Apply, streams: RecordStreams) -> None:
        self._ledger = ledger
        self._apply = apply
        self._streams = streams
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
            for streams in self._streams.apart():
                tasks.create_task(_Following(self._ledger, self._apply, streams).run())


class _Following:
    """Follows one topic."""

    def __init__(self, ledger: Ledger, apply: Apply, streams: RecordStreams) -> None:
        self._ledger = ledger
        self._apply = apply
        self._streams = streams
        self._pause = _FIRST_PAUSE

    async def run(self) -> None:
        while True:
            try:
                async with self._streams.open() as stream:
                    await self._follow(stream)
            except (StreamUnavailable, LedgerUnavailable) as error:
                _log.warning("Facts can't be followed now; trying again.", error=str(error), seconds=self._pause)
            except PositionOutOfRange as error:
                # Never jump to the end: what lies between may have been a revocation. Silence is staleness.
                _log.error(
                    "A stored position is not in its partition any more; rebuild from a snapshot.",
                    topic=error.topic,
                    part=error.part,
                    position=error.position,
                )
                self._pause = _LONGEST_PAUSE
            except Exception:  # a bug of ours must not end what brings revocations; nothing has moved, so try again
                _log.exception("Facts can't be followed because of a fault; trying again.")
            await self._wait()

    async def _follow(self, stream: RecordStream) -> None:
        async for fetched in stream.batches(BATCH):
            try:
                await self._take(fetched)
            except PositionMoved:
                _log.info("Another consumer has advanced this partition.", topic=fetched.topic, part=fetched.part)
                await stream.rewind(fetched.topic, fetched.part)
            self._pause = _FIRST_PAUSE

    async def _take(self, fetched: Fetched) -> None:
        step = Advance(fetched.topic, fetched.part, fetched.old, fetched.new)
        await self._apply.over_kafka(await self._sources(), fetched.records, step)

    async def _sources(self) -> Sequence[Source]:
        async with self._ledger.viewing() as view:
            found = await view.sources.all()
        return [source for source in found if source.spec.transport is Transport.KAFKA]

    async def _wait(self) -> None:
        # Jitter keeps a fleet from coming back in step; nothing secret depends on it.
        await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, protects nothing
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


class StoredPositions:
    """The positions that the ledger keeps."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def of(self, partitions: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        """The next offset to apply of each partition; 0 for one never seen."""
        async with self._ledger.viewing() as view:
            return {each: await view.positions.of(*each) for each in partitions}
