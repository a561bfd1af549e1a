"""Hashes that run along with an upload, kept in the process that receives it and nowhere else (R90). Pure."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from moorage.distribution.content import Piece
from moorage.oci.digest import Digest, DigestAlgorithm

_KEPT: Final = 4096


class RunningHash:
    """The hash of the first `offset` bytes of an upload."""

    def __init__(self, algorithm: DigestAlgorithm) -> None:
        self.algorithm = algorithm
        self.offset = 0
        # hashlib names no type for its objects.
        self._state: Any = algorithm.new()
        self._feed: Callable[[Piece], None] = self._state.update

    def update(self, piece: Piece) -> None:
        """Goes on over the next bytes."""
        self._feed(piece)
        self.offset += len(piece)

    def copy(self) -> "RunningHash":
        """The same, to go on from here twice."""
        twin = RunningHash(self.algorithm)
        twin.offset = self.offset
        twin._state = self._state.copy()
        twin._feed = twin._state.update
        return twin

    def digest(self) -> Digest:
        """The digest of the bytes so far."""
        return Digest(self.algorithm, self._state.hexdigest())


class RunningHashes:
    """The running hashes between two requests of one upload; the oldest are forgotten, and then re-read at close.

    Bytes below an acknowledged offset never change, so a hash fits whenever its offset is that of the bytes.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._hashes: OrderedDict[UUID, RunningHash] = OrderedDict()

    def take(self, session: UUID, algorithm: DigestAlgorithm, offset: int) -> RunningHash | None:
        """The hash of the session's first `offset` bytes; None if this process has not seen them all."""
        running = self._hashes.pop(session, None)
        if offset == 0:
            return RunningHash(algorithm)
        return running if running is not None and running.offset == offset else None

    def keep(self, session: UUID, running: RunningHash) -> None:
        """Puts the hash aside for the next request."""
        self._hashes[session] = running
        if len(self._hashes) > self._kept:
            self._hashes.popitem(last=False)

    def forget(self, session: UUID) -> None:
        """The session has ended."""
        self._hashes.pop(session, None)
