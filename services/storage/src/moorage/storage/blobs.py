"""Blobs that images hold: asked for, read, mounted, unlinked."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from moorage.distribution.content import Blob, BlobFile, DamagedContent
from moorage.oci.byte_range import ByteRange
from moorage.oci.digest import Digest
from moorage.oci.errors import BlobUnknown, Unavailable
from moorage.storage.collection import GRACE
from moorage.storage.object_file import Identity
from moorage.storage.ports import BlobDriver, BlobStore, ObjectMissing, StoredObject
from moorage.storage.verified_objects import VerifiedObjects
from moorage.storage.verified_read import complete, verified

_SMALL_BYTES: Final = 256 * 1024
_log: Final = structlog.stdlib.get_logger(__name__)


class Blobs:
    """The blob half of `Content`; its methods are described there."""

    def __init__(
        self,
        driver: BlobDriver,
        blobs: BlobStore,
        suspect: Callable[[Digest], object],
        told_again_after: timedelta = GRACE / 4,
        verified_objects: VerifiedObjects | None = None,
    ) -> None:
        """`suspect` is told of blobs that could not be served as they must be, and returns at once."""
        self._driver = driver
        self._blobs = blobs
        self._suspect = suspect
        self._told_again_after = told_again_after
        self._verified_objects = verified_objects or VerifiedObjects()

    async def stat(self, image: UUID, digest: Digest) -> Blob:
        """One question to the backend whatever is known: a row alone is no blob, and a damaged one is none (R92, R93).

        What is answered as there stays for a while (R96).
        """
        told = await self._blobs.vouch(image, digest, self._told_again_after)
        return Blob(digest, (await self._intact(told.what if told else None, image, digest)).size)

    async def read(self, image: UUID, digest: Digest, span: ByteRange | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes; a whole read is verified on the way.

        Where a push replaces the object between finding and opening it (R93), the new one is read.
        """
        for is_last in (False, True):
            try:
                async with aclosing(self._read(image, digest, span)) as blocks:
                    async for block in blocks:
                        yield block
            except ObjectMissing:
                if is_last:
                    raise _unknown() from None
            else:
                return

    async def file(self, image: UUID, digest: Digest) -> BlobFile | None:
        """A file only while its identity is the one that it had when all its bytes were last read and right (R92)."""
        stored = await self._intact(await self._blobs.find(image, digest), image, digest)
        try:
            file = await self._driver.file(stored.key)
        except ObjectMissing:  # replaced since: reading finds the new one
            return None
        if file is not None and not self._verified_objects.holds(stored.key, file.identity):
            file.close()
            return None
        return file

    async def mount(self, source: UUID, target: UUID, digest: Digest) -> bool:
        """Links; False also for damaged bytes, so that the caller uploads and thereby repairs them (R93)."""
        stored = await self._blobs.mount(source, target, digest)
        if stored is None:
            return False
        try:
            await self._intact(stored, target, digest)
        except BlobUnknown:
            return False
        return True

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

    async def _read(self, image: UUID, digest: Digest, span: ByteRange | None) -> AsyncGenerator[bytes, None]:
        stored = await self._intact(await self._blobs.find(image, digest), image, digest)
        blocks = self._verified(stored, digest) if span is None else self._spanned(stored, span)
        try:
            async with aclosing(blocks):
                async for block in blocks:
                    yield block
        except DamagedContent:
            _log.error("A stored object is damaged and was not served", digest=str(digest), key=str(stored.key))
            self._suspect(digest)
            raise
        except Unavailable:
            self._suspect(digest)
            raise

    async def _verified(self, stored: StoredObject, digest: Digest) -> AsyncGenerator[bytes, None]:
        began, before = self._verified_objects.now(), await self._identity(stored)
        async with aclosing(verified(lambda tap: self._driver.read(stored.key, tap=tap), digest)) as blocks:
            async for block in blocks:
                yield block
        if before is not None and before == await self._identity(stored):
            self._verified_objects.note(stored.key, before, began)

    async def _identity(self, stored: StoredObject) -> Identity | None:
        """None too for objects that are read in one go, which are never sent as files, and for what can't be asked."""
        if stored.size <= _SMALL_BYTES:
            return None
        try:
            file = await self._driver.file(stored.key)
        except (ObjectMissing, Unavailable):  # what it means for the reading, the reading tells
            return None
        if file is None:
            return None
        file.close()
        return file.identity

    def _spanned(self, stored: StoredObject, span: ByteRange) -> AsyncGenerator[bytes, None]:
        return complete(self._driver.read(stored.key, span), span.length)

    async def _intact(self, stored: StoredObject | None, image: UUID, digest: Digest) -> StoredObject:
        """The blob's object, asked for once more if it is not there: a push may just have replaced it (R93)."""
        if stored is not None and not stored.is_damaged and not await self._is_there(stored):
            stored = await self._blobs.find(image, digest)
            if stored is not None and not await self._is_there(stored):
                _log.error(
                    "A stored object is missing or has a wrong size; pushing it again repairs it",
                    digest=str(digest),
                    key=str(stored.key),
                    expected=stored.size,
                )
                raise _unknown()
        if stored is None or stored.is_damaged:
            raise _unknown()
        return stored

    async def _is_there(self, stored: StoredObject) -> bool:
        return await self._driver.size(stored.key) == stored.size


def _unknown() -> BlobUnknown:
    return BlobUnknown("the image holds no blob of this digest: push it")
