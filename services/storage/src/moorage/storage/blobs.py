"""Blobs that images hold: asked for, read, mounted, unlinked."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from moorage.distribution.content import Blob, DamagedContent
from moorage.oci.byte_range import ByteRange
from moorage.oci.digest import Digest
from moorage.oci.errors import BlobUnknown, Unavailable
from moorage.storage.collection import GRACE
from moorage.storage.ports import BlobDriver, BlobStore, ObjectMissing, StoredObject
from moorage.storage.verified_read import complete, verified

_log: Final = structlog.stdlib.get_logger(__name__)


class Blobs:
    """The blob half of `Content`; its methods are described there."""

    def __init__(
        self,
        driver: BlobDriver,
        blobs: BlobStore,
        suspect: Callable[[Digest], object],
        told_again_after: timedelta = GRACE / 4,
    ) -> None:
        """`suspect` is told of blobs that could not be served as they must be, and returns at once."""
        self._driver = driver
        self._blobs = blobs
        self._suspect = suspect
        self._told_again_after = told_again_after

    async def stat(self, image: UUID, digest: Digest) -> Blob:
        """One question to the backend whatever is known: a row alone is no blob, and a damaged one is none (R92, R93).

        What is answered as there stays for a while (R96).
        """
        vouched = await self._blobs.vouch(image, digest, self._told_again_after)
        stored = await self._intact(vouched.stored if vouched else None, digest)
        return Blob(digest, stored.size)

    async def read(self, image: UUID, digest: Digest, span: ByteRange | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes; a whole read is verified on the way."""
        stored = await self._found(image, digest)
        blocks = self._verified(stored, digest) if span is None else self._spanned(stored, span)
        try:
            async with aclosing(blocks):
                async for block in blocks:
                    yield block
        except ObjectMissing:
            raise _unknown() from None
        except DamagedContent:
            _log.error("A stored object is damaged and was not served", digest=str(digest), key=str(stored.key))
            self._suspect(digest)
            raise
        except Unavailable:
            self._suspect(digest)
            raise

    async def mount(self, source: UUID, target: UUID, digest: Digest) -> bool:
        """Links; False also for damaged bytes, so that the caller uploads and thereby repairs them (R93)."""
        stored = await self._blobs.mount(source, target, digest)
        return stored is not None and await self._is_intact(stored, digest)

    async def unlink(self, image: UUID, digest: Digest) -> None:
        """From this image only."""
        if not await self._blobs.unlink(image, digest):
            raise _unknown()

    async def unlink_all(self, image: UUID) -> None:
        """From this image only."""
        await self._blobs.unlink_all(image)

    async def any_of(self, image: UUID) -> bool:
        """Whether the image holds a blob."""
        return await self._blobs.any_of(image)

    def _verified(self, stored: StoredObject, digest: Digest) -> AsyncGenerator[bytes, None]:
        return verified(lambda tap: self._driver.read(stored.key, tap=tap), digest)

    def _spanned(self, stored: StoredObject, span: ByteRange) -> AsyncGenerator[bytes, None]:
        return complete(self._driver.read(stored.key, span), span.length)

    async def _found(self, image: UUID, digest: Digest) -> StoredObject:
        return await self._intact(await self._blobs.find(image, digest), digest)

    async def _intact(self, stored: StoredObject | None, digest: Digest) -> StoredObject:
        if stored is None or not await self._is_intact(stored, digest):
            raise _unknown()
        return stored

    async def _is_intact(self, stored: StoredObject, digest: Digest) -> bool:
        if stored.is_damaged:
            return False
        size = await self._driver.size(stored.key)
        if size != stored.size:
            _log.error(
                "A stored object is missing or has a wrong size; pushing it again repairs it",
                digest=str(digest),
                key=str(stored.key),
                expected=stored.size,
                found=size,
            )
        return size == stored.size


def _unknown() -> BlobUnknown:
    return BlobUnknown("the image holds no blob of this digest: push it")
