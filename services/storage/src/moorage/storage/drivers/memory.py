"""Blobs in memory: for tests, and for whoever wants a registry that forgets."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.distribution.content import Piece
from moorage.oci.byte_range import ByteRange
from moorage.runtime.clock import Clock
from moorage.storage import upload_session
from moorage.storage.ports import HeldUpload, ObjectMissing, Tap

READ_BYTES: Final = 64 * 1024


@dataclass(eq=False)
class _Bytes:
    """What lies under a key."""

    written_at: datetime
    content: bytearray = field(default_factory=bytearray)
    is_committed: bool = False
    is_held: bool = False


class MemoryDriver:
    """See BlobDriver."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[UUID, _Bytes] = {}

    async def create(self, key: UUID) -> None:
        """See BlobDriver."""
        self._kept[key] = _Bytes(self._clock.now())

    @asynccontextmanager
    async def hold(self, key: UUID) -> AsyncIterator[HeldUpload]:
        """See BlobDriver."""
        kept = self._kept.get(key)
        if kept is None:
            raise ObjectMissing
        if kept.is_held:
            raise upload_session.busy()
        kept.is_held = True
        try:
            yield _Held(self, key, kept)
        finally:
            kept.is_held = False

    async def received(self, key: UUID) -> int | None:
        """See BlobDriver."""
        kept = self._kept.get(key)
        return None if kept is None else len(kept.content)

    async def size(self, key: UUID) -> int | None:
        """See BlobDriver."""
        kept = self._kept.get(key)
        return len(kept.content) if kept is not None and kept.is_committed else None

    async def read(
        self, key: UUID, span: ByteRange | None = None, tap: Tap | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See BlobDriver."""
        kept = self._kept.get(key)
        if kept is None or not kept.is_committed:
            raise ObjectMissing
        content = bytes(kept.content) if span is None else bytes(kept.content[span.start : span.stop])
        for start in range(0, len(content), READ_BYTES):
            block = content[start : start + READ_BYTES]
            if tap is not None:
                tap(block)
            yield block

    async def file(self, key: UUID) -> None:
        """See BlobDriver."""
        if await self.size(key) is None:
            raise ObjectMissing

    async def delete(self, key: UUID) -> None:
        """See BlobDriver."""
        self._kept.pop(key, None)

    async def leftovers(self, before: datetime) -> AsyncGenerator[UUID, None]:
        """See BlobDriver."""
        for key, kept in list(self._kept.items()):
            if not kept.is_committed and kept.written_at < before:
                yield key

    async def objects(self) -> AsyncGenerator[UUID, None]:
        """See BlobDriver."""
        for key, kept in list(self._kept.items()):
            if kept.is_committed:
                yield key

    def touch(self, kept: _Bytes) -> None:
        """Notes that the bytes were written to now."""
        kept.written_at = self._clock.now()

    def has(self, key: UUID, kept: _Bytes) -> bool:
        """Whether the bytes are still what lies under the key."""
        return self._kept.get(key) is kept


class _Held:
    """See HeldUpload."""

    def __init__(self, driver: MemoryDriver, key: UUID, kept: _Bytes) -> None:
        self._driver = driver
        self._key = key
        self._kept = kept

    @property
    def size(self) -> int:
        return len(self._kept.content)

    @property
    def is_sealed(self) -> bool:
        return self._kept.is_committed

    @property
    def can_commit_again(self) -> bool:
        return True

    async def append(self, block: Sequence[Piece], tap: Tap) -> None:
        if self.is_sealed:
            raise upload_session.sealed()
        for piece in block:
            self._kept.content += piece
            tap(piece)
        self._driver.touch(self._kept)

    async def truncate(self, size: int) -> None:
        if not self.is_sealed:
            del self._kept.content[size:]

    async def flush(self) -> None:
        pass

    async def replay(self, tap: Tap) -> None:
        tap(bytes(self._kept.content))

    async def commit(self) -> None:
        if not self._driver.has(self._key, self._kept):
            raise ObjectMissing
        self._kept.is_committed = True
