"""Blobs as files of one folder.

    <root>/uploads/<key>            provisional bytes; whoever writes holds flock(2) on the file
    <root>/objects/<xx>/<key>       objects; <xx> are the first two digits of the key, the folders always exist

`<key>` is 32 hexadecimal digits. A commit is fsync(file), rename, fsync(objects/<xx>). A lock ends with its process.
"""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from moorage.oci.byte_range import ByteRange
from moorage.storage.drivers import os_errors
from moorage.storage.drivers.folders import sync_folder
from moorage.storage.drivers.held_file import HeldFile
from moorage.storage.drivers.threads import WORTH_A_THREAD, in_thread
from moorage.storage.object_file import ObjectFile
from moorage.storage.ports import HeldUpload, Tap

READ_BYTES: Final = 512 * 1024
_OPENING: Final = os.O_CLOEXEC | os.O_NOFOLLOW


class FilesystemDriver:
    """The driver of a folder. Open it with `FilesystemDriver.open`; processes may share one."""

    def __init__(self, root: Path) -> None:
        self._uploads = root / "uploads"
        self._objects = root / "objects"

    @classmethod
    def open(cls, root: Path) -> Self:
        """The driver of `root`, made if it is not there. Blocks; raises Unavailable or StorageFull."""
        driver = cls(root)
        with os_errors.translated():
            _make(root)
            for folder in (driver._uploads, driver._objects, *(driver._objects / f"{i:02x}" for i in range(256))):
                folder.mkdir(exist_ok=True)
            for folder in (driver._objects, root):
                sync_folder(folder)
        return driver

    async def create(self, key: UUID) -> None:
        """See BlobDriver. Inline: one system call on a folder that is in memory."""
        with os_errors.translated():
            os.close(os.open(self._upload(key), os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPENING, 0o640))

    @asynccontextmanager
    async def hold(self, key: UUID) -> AsyncIterator[HeldUpload]:
        """See BlobDriver."""
        with os_errors.translated():
            held = HeldFile.open(self._upload(key), self._object(key))
        try:
            yield held
        finally:
            held.close()

    async def received(self, key: UUID) -> int | None:
        """See BlobDriver."""
        size = _size(self._upload(key))
        return _size(self._object(key)) if size is None else size

    async def size(self, key: UUID) -> int | None:
        """See BlobDriver."""
        return _size(self._object(key))

    async def read(
        self, key: UUID, span: ByteRange | None = None, tap: Tap | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See BlobDriver. Small reads stay on the loop."""
        with os_errors.translated():
            descriptor = os.open(self._object(key), os.O_RDONLY | _OPENING)
        try:
            with os_errors.translated():
                stop = os.fstat(descriptor).st_size if span is None else span.stop
            offset = span.start if span else 0
            while block := await _read(descriptor, min(READ_BYTES, stop - offset), offset, tap):
                offset += len(block)
                yield block
        finally:
            os.close(descriptor)

    async def file(self, key: UUID) -> ObjectFile:
        """See BlobDriver."""
        with os_errors.translated():
            descriptor = os.open(self._object(key), os.O_RDONLY | _OPENING)
            try:
                return ObjectFile(descriptor)
            except BaseException:
                os.close(descriptor)
                raise

    async def delete(self, key: UUID) -> None:
        """See BlobDriver."""
        with os_errors.translated():
            await in_thread(lambda: _unlink(self._upload(key), self._object(key)))

    async def leftovers(self, before: datetime) -> AsyncGenerator[UUID, None]:
        """See BlobDriver."""
        with os_errors.translated():
            keys = await in_thread(lambda: list(_old_keys(self._uploads, before.timestamp())))
        for key in keys:
            yield key

    async def objects(self) -> AsyncGenerator[UUID, None]:
        """See BlobDriver. A folder at a time."""
        for folder in [self._objects / f"{i:02x}" for i in range(256)]:
            with os_errors.translated():
                keys = await in_thread(partial(_keys, folder))
            for key in keys:
                yield key

    def _upload(self, key: UUID) -> Path:
        return self._uploads / key.hex

    def _object(self, key: UUID) -> Path:
        return self._objects / key.hex[:2] / key.hex


def _make(root: Path) -> None:
    if not root.exists():
        _make(root.parent)
        root.mkdir(exist_ok=True)
        sync_folder(root.parent)


async def _read(descriptor: int, length: int, offset: int, tap: Tap | None) -> bytes:
    def work() -> bytes:
        block = os.pread(descriptor, length, offset)
        if tap is not None:
            tap(block)
        return block

    with os_errors.translated():
        return await in_thread(work) if length > WORTH_A_THREAD else work()


def _size(path: Path) -> int | None:
    with os_errors.translated():
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return None


def _unlink(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _keys(folder: Path) -> list[UUID]:
    keys: list[UUID] = []
    for name in os.listdir(folder):  # noqa: PTH208 - names only, of which there may be many
        with suppress(ValueError):
            keys.append(UUID(hex=name))
    return keys


def _old_keys(folder: Path, before: float) -> Iterator[UUID]:
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError, ValueError):
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    yield UUID(hex=entry.name)
