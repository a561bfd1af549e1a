"""Provisional bytes that are held: gathered to parts, one part on its way while the next is gathered."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Final

from moorage.distribution.content import Piece
from moorage.oci.errors import Unavailable, UploadInvalid
from moorage.storage import upload_session
from moorage.storage.drivers.s3.bucket import Bucket
from moorage.storage.drivers.s3.committing import complete, put_new
from moorage.storage.drivers.s3.part_sizes import MOST_NUMBERS, part_size
from moorage.storage.drivers.threads import WORTH_A_THREAD, in_thread, to_its_end
from moorage.storage.part_list import Hold, Part, PartList, Progress, Tail
from moorage.storage.ports import ObjectMissing, Tap


class S3Upload:
    """See HeldUpload. Holds two parts in memory at most.

    `_kept` is what the list said at the last flush, `_now` the same with the parts that went since. `_gathered` is what
    lies behind those: the tail, read when it is needed, and what was appended.
    """

    can_commit_again: Final = True

    def __init__(self, bucket: Bucket, part_list: PartList, hold: Hold, progress: Progress, largest: int) -> None:
        self._bucket = bucket
        self._list = part_list
        self._hold = hold
        self._kept = self._now = progress
        self._largest = largest
        self._name = bucket.object(hold.key)
        self._size = progress.size
        self._gathered = bytearray()
        self._is_loaded = False
        self._flight: asyncio.Task[None] | None = None
        self._is_sealed = False
        self._is_torn = False

    @property
    def size(self) -> int:
        """See HeldUpload."""
        return self._size

    @property
    def is_sealed(self) -> bool:
        """See HeldUpload."""
        return self._is_sealed

    async def append(self, block: Sequence[Piece], tap: Tap) -> None:
        """See HeldUpload. Large blocks are gathered and hashed in a thread."""
        if self._is_sealed:
            raise upload_session.sealed()
        await to_its_end(self._append(block, tap))

    async def _append(self, block: Sequence[Piece], tap: Tap) -> None:
        await self._load()
        if sum(map(len, block)) < WORTH_A_THREAD:
            self._gather(block, tap)
        else:
            await in_thread(lambda: self._gather(block, tap))
        while len(self._gathered) >= (wanted := self._wanted()):
            await self._land()
            self._launch(wanted)

    async def truncate(self, size: int) -> None:
        """See HeldUpload."""
        if self._is_sealed:
            return
        if size != self._kept.size:
            raise ValueError("only what was appended since the last flush can be taken back")
        if self._flight or self._now.parts != self._kept.parts:
            self._is_torn = True
            await self._ground()
            await self._list.take_back(self._hold, self._kept)
            self._now, self._is_loaded, self._is_torn = self._kept, False, False
        tail = self._kept.tail.size if self._kept.tail and self._is_loaded else 0
        del self._gathered[tail:]
        self._size = size

    async def flush(self) -> None:
        """See HeldUpload."""
        if self._is_sealed or (self._now.is_closing and self._now.parts):
            return
        await self._land()
        if self._now.is_closing:
            await self._reopen()
        if self._size != self._kept.size:
            before, self._kept = self._kept.tail, await self._keep()
            if before:
                # Whatever fails here is done again when the upload ends.
                with suppress(Unavailable):
                    await self._bucket.delete(self._bucket.tail(self._hold.key, before.number))

    async def replay(self, tap: Tap) -> None:
        """See HeldUpload. Parts can't be read before they are an object, so they become it."""
        if not self._is_sealed and (self._now.parts or self._flight):
            await self._complete()
        if self._is_sealed:
            await show(self._bucket.read(self._name), self._size, tap)
        else:
            await self._load()
            await in_thread(lambda: tap(bytes(self._gathered)))

    async def commit(self) -> None:
        """See HeldUpload."""
        if self._is_sealed:
            if await self._bucket.size(self._name) != self._size:
                raise ObjectMissing
        elif self._now.parts or self._flight or not self._bucket.has_conditions:
            await self._complete()
        else:
            await self._put()

    async def go_on_closing(self) -> None:
        """Ends what a holder before began: its parts become the object, or its object is found."""
        if self._now.parts and self._now.upload:
            await complete(self._bucket, self._name, self._now.upload, self._now.parts)
            await self._end()
        elif (found := await self._bucket.size(self._name)) is not None:
            self._size = found
            await self._end()
        else:
            await self._reopen()

    async def abandon(self) -> None:
        """Nothing is in the air any more; what was not flushed is lost, but for whole parts."""
        await self._ground()
        self._gathered.clear()

    def _gather(self, block: Sequence[Piece], tap: Tap) -> None:
        for piece in block:
            self._gathered += piece
            tap(piece)
            self._size += len(piece)

    def _wanted(self) -> int:
        last = self._now.parts[-1].number if self._now.parts else 0
        return part_size(last + (self._flight is not None), self._largest)

    def _launch(self, size: int) -> None:
        with memoryview(self._gathered) as gathered:
            part = bytes(gathered[:size])
        del self._gathered[:size]
        self._flight = asyncio.create_task(self._store(part))

    async def _land(self) -> None:
        """Raises what the part in flight failed with, now and whenever it is called again."""
        self._check()
        if self._flight is not None:
            await asyncio.wait([self._flight])
            self._flight.result()
            self._flight = None

    async def _ground(self) -> None:
        flight, self._flight = self._flight, None
        if flight is not None:
            flight.cancel()
            await asyncio.wait([flight])
            if not flight.cancelled():
                flight.exception()

    def _check(self) -> None:
        if self._is_torn:  # what is gathered may follow a part that is not there
            raise Unavailable("the registry's storage could not take back what it failed to store")

    async def _load(self) -> None:
        self._check()
        if not self._is_loaded and self._now.tail:
            self._gathered[:0] = await self._bucket.whole(self._bucket.tail(self._hold.key, self._now.tail.number))
        self._is_loaded = True

    async def _store(self, body: bytes) -> None:
        part = await self._send(body)
        await self._list.add_part(self._hold, part)
        self._now = replace(self._now, parts=(*self._now.parts, part), tail=None)

    async def _send(self, body: bytes) -> Part:
        upload = self._now.upload or await self._begin()
        number = await self._list.number_part(self._hold)
        if number > MOST_NUMBERS:
            raise UploadInvalid("this upload was interrupted too often: start it again")
        return await self._bucket.put_part(self._name, upload, number, body)

    async def _begin(self) -> str:
        upload = await self._bucket.begin(self._name)
        await self._list.begin_multipart(self._hold, upload)
        self._now, self._kept = replace(self._now, upload=upload), replace(self._kept, upload=upload)
        return upload

    async def _keep(self) -> Progress:
        if self._gathered:
            number = await self._list.number_tail(self._hold)
            await self._bucket.put(self._bucket.tail(self._hold.key, number), bytes(self._gathered))
            tail = Tail(number, len(self._gathered))
            await self._list.set_tail(self._hold, tail)
            self._now = replace(self._now, tail=tail, tails=number)
        return self._now

    async def _complete(self) -> None:
        await self._load()
        await self._land()
        if not self._now.is_closing:
            last = await self._send(bytes(self._gathered)) if self._gathered or not self._now.parts else None
            await self._list.close(self._hold, last)
            parts = (*self._now.parts, last) if last else self._now.parts
            self._now = replace(self._now, parts=parts, tail=None, is_closing=True)
            self._gathered.clear()
        await self.go_on_closing()

    async def _put(self) -> None:
        await self._load()
        await self._list.close(self._hold, None)
        self._now = replace(self._now, is_closing=True)
        await put_new(self._bucket, self._name, bytes(self._gathered))
        await self._end()

    async def _reopen(self) -> None:
        await self._list.reopen(self._hold)
        self._now = replace(self._now, is_closing=False)
        self._kept = replace(self._kept, is_closing=False)

    async def _end(self) -> None:
        # First of all: who has lost the hold ends here, and touches nothing that is another's by now.
        await self._list.finish(self._hold)
        self._is_sealed = True
        self._gathered.clear()
        with suppress(Unavailable):  # what stays is freed as a stray
            if self._now.upload and not self._now.parts:
                await self._bucket.abort(self._name, self._now.upload)
            if self._now.tails:
                await self._bucket.delete_tails(self._hold.key)


class S3Object:
    """See HeldUpload: bytes that were committed before. Nothing can be written, so nothing is locked."""

    can_commit_again: Final = True
    is_sealed: Final = True

    def __init__(self, bucket: Bucket, name: str, size: int) -> None:
        self._bucket = bucket
        self._name = name
        self.size: Final = size

    async def append(self, _block: Sequence[Piece], _tap: Tap) -> None:
        """See HeldUpload."""
        raise upload_session.sealed()

    async def truncate(self, size: int) -> None:
        """See HeldUpload."""

    async def flush(self) -> None:
        """See HeldUpload."""

    async def replay(self, tap: Tap) -> None:
        """See HeldUpload."""
        await show(self._bucket.read(self._name), self.size, tap)

    async def commit(self) -> None:
        """See HeldUpload."""
        if await self._bucket.size(self._name) != self.size:
            raise ObjectMissing


async def show(blocks: AsyncGenerator[bytes, None], size: int, tap: Tap) -> None:
    """Shows the blocks. Raises Unavailable if they end early: whoever hashes them must not blame the client."""
    async with aclosing(blocks):
        async for block in blocks:
            tap(block)
            size -= len(block)
    if size:
        raise Unavailable("the registry's storage did not give back what it was given")
