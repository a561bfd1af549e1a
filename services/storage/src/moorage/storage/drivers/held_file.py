"""One file of provisional bytes, locked against every other writer on the machine."""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from moorage.distribution.content import Piece
from moorage.storage import upload_session
from moorage.storage.drivers import os_errors
from moorage.storage.drivers.folders import sync_folder
from moorage.storage.drivers.threads import WORTH_A_THREAD, in_thread
from moorage.storage.ports import Tap

_REPLAY_BYTES: Final = 1024 * 1024


class HeldFile:
    """See HeldUpload. The lock is flock(2): it ends with the descriptor, and so with the process."""

    def __init__(self, descriptor: int, upload: Path, committed: Path, *, is_sealed: bool) -> None:
        self._descriptor = descriptor
        self._upload = upload
        self._committed = committed
        self._is_sealed = is_sealed
        self._size = os.fstat(descriptor).st_size

    @classmethod
    def open(cls, upload: Path, committed: Path) -> Self:
        """Opens the upload, or what it was committed to. Raises FileNotFoundError, UploadBusy and other OSErrors."""
        try:
            return cls(_locked(upload), upload, committed, is_sealed=False)
        except FileNotFoundError:
            return cls(_locked(committed), upload, committed, is_sealed=True)

    @property
    def size(self) -> int:
        """See HeldUpload."""
        return self._size

    @property
    def is_sealed(self) -> bool:
        """See HeldUpload."""
        return self._is_sealed

    @property
    def can_commit_again(self) -> bool:
        """See HeldUpload."""
        return False

    async def append(self, block: Sequence[Piece], tap: Tap) -> None:
        """See HeldUpload. After a failure `size` is what it was. Small blocks stay on the loop."""
        if self._is_sealed:
            raise upload_session.sealed()
        with os_errors.translated():
            if sum(map(len, block)) < WORTH_A_THREAD:
                self._append(block, tap)
            else:
                await in_thread(lambda: self._append(block, tap))

    async def truncate(self, size: int) -> None:
        """See HeldUpload."""
        if size < self._size and not self._is_sealed:
            with os_errors.translated():
                os.ftruncate(self._descriptor, size)
            self._size = size

    async def flush(self) -> None:
        """See HeldUpload. Nothing to do: what was written belongs to the operating system."""

    async def replay(self, tap: Tap) -> None:
        """See HeldUpload."""
        with os_errors.translated():
            await in_thread(lambda: self._replay(tap))

    async def commit(self) -> None:
        """See HeldUpload."""
        with os_errors.translated():
            await in_thread(self._commit)

    def close(self) -> None:
        """Ends the lock."""
        os.close(self._descriptor)

    def _append(self, block: Sequence[Piece], tap: Tap) -> None:
        try:
            stop = _write(self._descriptor, block, self._size)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        for piece in block:
            tap(piece)
        self._size = stop

    def _replay(self, tap: Tap) -> None:
        offset = 0
        while block := os.pread(self._descriptor, _REPLAY_BYTES, offset):
            tap(block)
            offset += len(block)

    def _commit(self) -> None:
        os.fsync(self._descriptor)
        if not self._is_sealed:
            self._upload.rename(self._committed)
            self._is_sealed = True
        sync_folder(self._committed.parent)


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink == 0:
            raise FileNotFoundError(path.name)
    except BlockingIOError:
        os.close(descriptor)
        raise upload_session.busy() from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _write(descriptor: int, block: Sequence[Piece], offset: int) -> int:
    pieces = list(block)
    while pieces:
        written = os.pwritev(descriptor, pieces, offset)
        offset += written
        pieces = _rest(pieces, written)
    return offset


def _rest(pieces: list[Piece], written: int) -> list[Piece]:
    for index, piece in enumerate(pieces):
        if written < len(piece):
            return [piece[written:], *pieces[index + 1 :]]
        written -= len(piece)
    return []
