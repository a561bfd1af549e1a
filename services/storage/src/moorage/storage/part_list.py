"""What must be known of provisional bytes that lie in a store of objects: their parts, their tail, who holds them.

Objects can't be appended to. So bytes are gathered to *parts* of a multipart upload, and what is short of a part is the
*tail*, an object of its own. Which of them count is said here and nowhere else: what a store lists is never asked for.

Whoever holds the bytes has them for the time of a lease and under a *fence*, a number that grows with each holder. What
it changes is changed under its fence, so one that was stopped for longer than its lease changes nothing afterwards.
Numbers of parts and tails are given out once, so that what it had in the air then overwrites nothing that is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is stored. Parts follow one another by number; there may be gaps between numbers."""

    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Tail:
    """The bytes behind the last part."""

    number: int
    size: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far provisional bytes have come. `upload` is the store's name for the multipart upload, once there is one.

    `tails` is how many tails may lie around. What is closing takes no more bytes; it is an object, or is to become one.
    """

    upload: str | None = None
    parts: tuple[Part, ...] = ()
    tail: Tail | None = None
    tails: int = 0
    is_closing: bool = False

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return sum(part.size for part in self.parts) + (self.tail.size if self.tail else 0)


@dataclass(frozen=True, slots=True)
class Hold:
    """The right to change the bytes of a key, until the lease ends or another one has it."""

    key: UUID
    fence: int


class PartList(Protocol):
    """Progress by key. See tests/contracts/part_list.py.

    What takes a Hold raises UploadBusy if another holds the bytes by now, ObjectMissing if nobody can any more. What
    adds bytes or takes them back raises UploadBusy for closing ones too. Everything may raise Unavailable.
    """

    async def begin(self, key: UUID) -> None:
        """Bytes that are none yet."""
        ...

    async def find(self, key: UUID) -> Progress | None:
        """How far they have come; None if they are not provisional."""
        ...

    async def acquire(self, key: UUID, lease: timedelta) -> tuple[Hold, Progress] | None:
        """Takes hold of them; None if they are not provisional.

        Raises ObjectMissing if they are being deleted, UploadBusy while the lease of another lasts.
        """
        ...

    async def renew(self, hold: Hold, lease: timedelta) -> None:
        """Lets the lease begin anew."""
        ...

    async def release(self, hold: Hold) -> None:
        """Ends the lease, if it is still this one."""
        ...

    async def begin_multipart(self, hold: Hold, upload: str) -> None:
        """Notes the store's name of the multipart upload."""
        ...

    async def number_part(self, hold: Hold) -> int:
        """A part number that nobody else was given, larger than all before."""
        ...

    async def add_part(self, hold: Hold, part: Part) -> None:
        """The part is stored, durably noted when it returns. It begins with the tail, which there is none of now."""
        ...

    async def number_tail(self, hold: Hold) -> int:
        """The number of a tail that nobody else was given."""
        ...

    async def set_tail(self, hold: Hold, tail: Tail) -> None:
        """The tail is stored, durably noted when it returns."""
        ...

    async def take_back(self, hold: Hold, progress: Progress) -> None:
        """Parts that were added since are none, and the tail is what it was."""
        ...

    async def close(self, hold: Hold, last: Part | None) -> None:
        """From here on the bytes become an object, or are deleted.

        With the last part, which may be small, all bytes are parts. Without one the holder has them.
        """
        ...

    async def reopen(self, hold: Hold) -> None:
        """They did not become an object: bytes are taken again. Only without parts, for those may be an object yet."""
        ...

    async def finish(self, hold: Hold) -> None:
        """They are an object."""
        ...

    async def seize(self, key: UUID) -> Progress | None:
        """Nobody can hold them any more: they are going to be deleted. None if they are not provisional.

        Tells what has to be deleted; the parts are not among it, for the multipart upload goes as a whole.
        """
        ...

    async def forget(self, key: UUID) -> None:
        """They are deleted.

        While a holder that was closing them may still be at it the key stays among those written to, for another look.
        """
        ...

    async def written_before(self, before: datetime) -> list[UUID]:
        """Keys of provisional bytes, deleted ones among them, that were last changed before that time."""
        ...

    async def unknown_keys(self, keys: Sequence[UUID]) -> set[UUID]:
        """Those of the keys under which there is nothing provisional."""
        ...

    async def unknown_uploads(self, uploads: Sequence[str]) -> set[str]:
        """Those of the multipart uploads that belong to nothing."""
        ...
