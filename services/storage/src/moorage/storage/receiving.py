"""Takes the bytes of a chunk into a held upload: bounded memory, hashed as they are stored, all or what arrived."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from moorage.distribution.content import Chunk, Piece
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.storage import upload_session
from moorage.storage.ports import HeldUpload
from moorage.storage.running_hash import RunningHash

BLOCK_BYTES: Final = 1024 * 1024
_BLOCK_PIECES: Final = 512


class HashedUpload:
    """A held upload and the hash that runs along with it, as long as this process has seen every byte.

    `has_ended`: the bytes are somebody else's by now, or nobody's; there is nothing to keep for another request.
    """

    def __init__(self, file: HeldUpload, running: RunningHash | None) -> None:
        self.file = file
        self.running = running
        self.has_ended = False

    async def append(self, block: list[Piece]) -> None:
        """Writes and hashes a block."""
        await self.file.append(block, self.running.update if self.running else _ignore)

    async def return_to(self, size: int, running: RunningHash | None) -> None:
        """Takes back what was appended since the upload had `size` bytes and that hash."""
        self.running = None
        await self.file.truncate(size)
        self.running = running

    async def digest(self, algorithm: DigestAlgorithm) -> Digest:
        """The digest of all bytes: the running one if it fits, else they are read again."""
        running = self.running
        if running is None or running.algorithm is not algorithm or running.offset != self.file.size:
            running = RunningHash(algorithm)
            await self.file.replay(running.update)
        return running.digest()


async def receive(upload: HashedUpload, chunk: Chunk, max_blob_bytes: int) -> None:
    """Streams a chunk to the end of the upload.

    What a stream delivered before it broke off is kept (R89) and its exception goes on. A chunk that is refused, or
    can't be written, leaves nothing behind. Raises what `upload_session.expect` raises, Unavailable, StorageFull.
    """
    size, expected = upload.file.size, upload_session.expect(chunk, upload.file.size, max_blob_bytes)
    before = upload.running.copy() if upload.running else None
    writer = _BlockWriter(upload.append)
    has_ended = False
    try:
        await _pump(chunk.body, writer, expected.most)
        has_ended = True
        expected.check(writer.received)
    except BaseException:
        if has_ended or writer.has_failed:
            await upload.return_to(size, before)
        raise


async def _pump(body: AsyncIterator[Piece], writer: "_BlockWriter", most: int) -> None:
    try:
        async for piece in body:
            await writer.add(piece)
            if writer.received > most:
                break
    finally:
        await writer.flush()


class _BlockWriter:
    """Gathers pieces to blocks and writes one block while the next one is received."""

    def __init__(self, write: Callable[[list[Piece]], Awaitable[None]]) -> None:
        self.received = 0
        self.has_failed = False
        self._write = write
        self._block: list[Piece] = []
        self._gathered = 0
        self._flight: asyncio.Task[None] | None = None

    async def add(self, piece: Piece) -> None:
        """Takes a piece; waits for the block before if a new one is full, and for this one if it must not be kept."""
        if not piece:
            return
        self._block.append(piece)
        self._gathered += len(piece)
        self.received += len(piece)
        if isinstance(piece, memoryview):
            await self.flush()
        elif self._gathered >= BLOCK_BYTES or len(self._block) >= _BLOCK_PIECES:
            await self._land()
            self._flight = asyncio.create_task(self._store(self._take()))

    async def flush(self) -> None:
        """Returns when all is written; raises if anything could not be."""
        await self._land()
        if self._block:
            await self._store(self._take())

    async def _land(self) -> None:
        flight, self._flight = self._flight, None
        if flight is not None:
            # A cancelled write finishes before it gives in (HeldUpload.append): nothing is in the air afterwards.
            await flight

    async def _store(self, block: list[Piece]) -> None:
        try:
            await self._write(block)
        except Exception:
            self.has_failed = True
            raise

    def _take(self) -> list[Piece]:
        block, self._block, self._gathered = self._block, [], 0
        return block


def _ignore(_: Piece) -> None:
    """No hash runs along."""
