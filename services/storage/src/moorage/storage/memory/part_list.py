"""What is known of provisional bytes in a store of objects."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from moorage.runtime.clock import Clock
from moorage.storage import upload_session
from moorage.storage.part_list import Hold, Part, Progress, Tail
from moorage.storage.ports import ObjectMissing

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(eq=False)
class _Row:
    written_at: datetime
    progress: Progress = field(default_factory=Progress)
    held_until: datetime = _NEVER
    fence: int = 0
    numbers: int = 0
    is_deleted: bool = False


class MemoryPartList:
    """See PartList. Several drivers may share one, as processes share a database."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[UUID, _Row] = {}

    async def begin(self, key: UUID) -> None:
        """See PartList."""
        self._rows[key] = _Row(self._clock.now())

    async def find(self, key: UUID) -> Progress | None:
        """See PartList."""
        row = self._rows.get(key)
        return None if row is None or row.is_deleted else row.progress

    async def acquire(self, key: UUID, lease: timedelta) -> tuple[Hold, Progress] | None:
        """See PartList."""
        row, now = self._rows.get(key), self._clock.now()
        if row is None:
            return None
        if row.is_deleted:
            raise ObjectMissing
        if row.held_until > now:
            raise upload_session.busy()
        row.fence += 1
        row.held_until = now + lease
        return Hold(key, row.fence), row.progress

    async def renew(self, hold: Hold, lease: timedelta) -> None:
        """See PartList."""
        self._held(hold).held_until = self._clock.now() + lease

    async def release(self, hold: Hold) -> None:
        """See PartList."""
        row = self._rows.get(hold.key)
        if row is not None and row.fence == hold.fence:
            row.held_until = _NEVER

    async def begin_multipart(self, hold: Hold, upload: str) -> None:
        """See PartList."""
        self._change(hold, upload=upload)

    async def number_part(self, hold: Hold) -> int:
        """See PartList."""
        row = self._open(hold)
        row.numbers += 1
        return row.numbers

    async def add_part(self, hold: Hold, part: Part) -> None:
        """See PartList."""
        self._change(hold, parts=(*self._open(hold).progress.parts, part), tail=None)

    async def number_tail(self, hold: Hold) -> int:
        """See PartList."""
        tails = self._open(hold).progress.tails + 1
        self._change(hold, tails=tails)
        return tails

    async def set_tail(self, hold: Hold, tail: Tail) -> None:
        """See PartList."""
        self._open(hold)
        self._change(hold, tail=tail)

    async def take_back(self, hold: Hold, progress: Progress) -> None:
        """See PartList."""
        self._open(hold)
        self._change(hold, parts=progress.parts, tail=progress.tail)

    async def close(self, hold: Hold, last: Part | None) -> None:
        """See PartList."""
        if last is not None:
            await self.add_part(hold, last)
        self._change(hold, is_closing=True)

    async def reopen(self, hold: Hold) -> None:
        """See PartList."""
        if self._held(hold).progress.parts:
            raise upload_session.busy()
        self._change(hold, is_closing=False)

    async def finish(self, hold: Hold) -> None:
        """See PartList."""
        self._held(hold)
        del self._rows[hold.key]

    async def seize(self, key: UUID) -> Progress | None:
        """See PartList."""
        row = self._rows.get(key)
        if row is None:
            return None
        row.fence += 1
        row.is_deleted = True
        row.written_at = self._clock.now()
        return row.progress

    async def forget(self, key: UUID) -> None:
        """See PartList."""
        row = self._rows.get(key)
        if row is not None and not (row.progress.is_closing and row.held_until > self._clock.now()):
            del self._rows[key]

    async def written_before(self, before: datetime) -> list[UUID]:
        """See PartList."""
        return [key for key, row in self._rows.items() if row.written_at < before]

    async def unknown_keys(self, keys: Sequence[UUID]) -> set[UUID]:
        """See PartList."""
        return set(keys) - set(self._rows)

    async def unknown_uploads(self, uploads: Sequence[str]) -> set[str]:
        """See PartList."""
        return set(uploads) - {row.progress.upload for row in self._rows.values() if row.progress.upload}

    def _held(self, hold: Hold) -> _Row:
        row = self._rows.get(hold.key)
        if row is None or row.is_deleted:
            raise ObjectMissing
        if row.fence != hold.fence:
            raise upload_session.busy()
        return row

    def _open(self, hold: Hold) -> _Row:
        row = self._held(hold)
        if row.progress.is_closing:
            raise upload_session.busy()
        return row

    def _change(self, hold: Hold, **changes: object) -> None:
        row = self._held(hold)
        row.progress = dataclasses.replace(row.progress, **changes)  # type: ignore[arg-type] # fields of Progress
        row.written_at = self._clock.now()
