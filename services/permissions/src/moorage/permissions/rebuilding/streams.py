"""Streams of a topic that are opened only once the rebuild in bulk is over."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from moorage.permissions.consumer import RecordStream, RecordStreams
from moorage.permissions.rebuilding.bulk import BulkRebuild


class RebuiltFirst:
    """Whoever follows tries again what fails here as it does with streams; other topics are not held back."""

    def __init__(self, delegate: RecordStreams, topic: str, bulk: BulkRebuild) -> None:
        self._delegate = delegate
        self._topic = topic
        self._bulk = bulk

    @property
    def topics(self) -> Sequence[str]:
        """Their names."""
        return self._delegate.topics

    def apart(self) -> Sequence[RecordStreams]:
        """One for each topic; that of the rebuilt one waits."""
        return [
            RebuiltFirst(each, self._topic, self._bulk) if self._topic in each.topics else each
            for each in self._delegate.apart()
        ]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[RecordStream]:
        """A stream. Raises StreamUnavailable, LedgerUnavailable, TopicUnfit."""
        await self._bulk.ensure()
        async with self._delegate.open() as stream:
            yield stream
