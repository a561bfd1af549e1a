"""Blobs as objects of a bucket, provisional ones as parts and a tail (docs/decisions/0010)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from moorage.oci.byte_range import ByteRange
from moorage.oci.errors import Unavailable, UploadBusy
from moorage.storage.drivers.s3.bucket import Bucket
from moorage.storage.drivers.s3.held_upload import S3Object, S3Upload
from moorage.storage.drivers.s3.strays import Strays
from moorage.storage.part_list import Hold, PartList
from moorage.storage.ports import HeldUpload, ObjectMissing, Tap

LEASE: Final = timedelta(seconds=10)
"""How long a holder that died is waited for."""

_log: Final = structlog.stdlib.get_logger(__name__)


class S3Driver:
    """The driver of a bucket. Any number of processes may share it, on one part list."""

    def __init__(self, bucket: Bucket, part_list: PartList, largest: int, lease: timedelta = LEASE) -> None:
        self._bucket = bucket
        self._list = part_list
        self._largest = largest
        self._lease = lease
        self._strays = Strays(bucket, part_list)

    async def look(self) -> None:
        """Asks the store for the bucket. Raises ObjectMissing, Unavailable."""
        await self._bucket.look()

    async def create(self, key: UUID) -> None:
        """See BlobDriver. The store hears of it with the first part."""
        await self._list.begin(key)

    @asynccontextmanager
    async def hold(self, key: UUID) -> AsyncIterator[HeldUpload]:
        """See BlobDriver. The lease is renewed meanwhile; a holder that is stopped for longer loses it, and fails."""
        acquired = await self._list.acquire(key, self._lease)
        if acquired is None:
            yield await self._object(key)
            return
        hold, progress = acquired
        upload = S3Upload(self._bucket, self._list, hold, progress, self._largest)
        async with self._kept(hold):
            try:
                if progress.is_closing:
                    await upload.go_on_closing()
                yield upload
            finally:
                await upload.abandon()

    async def received(self, key: UUID) -> int | None:
        """See BlobDriver."""
        progress = await self._list.find(key)
        if progress is None:
            return await self.size(key)
        if progress.is_closing and not progress.parts:
            size = await self.size(key)
            return progress.size if size is None else size
        return progress.size

    async def size(self, key: UUID) -> int | None:
        """See BlobDriver."""
        return await self._bucket.size(self._bucket.object(key))

    async def read(
        self, key: UUID, span: ByteRange | None = None, tap: Tap | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See BlobDriver."""
        async with aclosing(self._bucket.read(self._bucket.object(key), span)) as blocks:
            async for block in blocks:
                if tap is not None:
                    tap(block)
                yield block

    async def file(self, key: UUID) -> None:
        """See BlobDriver. Whether the object is missing, who reads it learns."""

    async def delete(self, key: UUID) -> None:
        """See BlobDriver. Seized first, so that whoever holds the bytes changes nothing afterwards."""
        progress = await self._list.seize(key)
        if progress and progress.upload:
            await self._bucket.abort(self._bucket.object(key), progress.upload)
        if progress and progress.tails:
            await self._bucket.delete_tails(key)
        await self._bucket.delete(self._bucket.object(key))
        if progress:
            await self._list.forget(key)

    async def leftovers(self, before: datetime) -> AsyncGenerator[UUID, None]:
        """See BlobDriver. What a crash left without any key of ours is freed on the way, see Strays."""
        await self._strays.free(datetime.now(UTC))
        for key in await self._list.written_before(before):
            yield key

    async def objects(self) -> AsyncGenerator[UUID, None]:
        """See BlobDriver."""
        async for key in self._bucket.objects():
            yield key

    async def _object(self, key: UUID) -> S3Object:
        size = await self.size(key)
        if size is None:
            raise ObjectMissing
        return S3Object(self._bucket, self._bucket.object(key), size)

    @asynccontextmanager
    async def _kept(self, hold: Hold) -> AsyncIterator[None]:
        renewing = asyncio.create_task(self._renew(hold), name="renew a hold")
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])
            # If this fails the lease ends by itself.
            with suppress(Unavailable):
                await self._list.release(hold)

    async def _renew(self, hold: Hold) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                await self._list.renew(hold, self._lease)
            except Unavailable:
                continue
            except (ObjectMissing, UploadBusy):
                _log.warning("A hold was lost, its request will fail", key=str(hold.key))
                return
