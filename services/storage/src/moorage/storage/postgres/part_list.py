"""What is known of provisional bytes in a store of objects.

What only says who holds them, or that they are gone, commits without waiting for the disk: whatever is committed with
waiting afterwards brings it along. A fence waits, for two holders of one number would both be believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from moorage.runtime.postgres import Database
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one
from moorage.storage import upload_session
from moorage.storage.part_list import Hold, Part, Progress, Tail
from moorage.storage.ports import ObjectMissing
from moorage.storage.postgres.connections import connection

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """A row of part_list with its parts, as three arrays."""

    fence: int
    upload: str | None
    tail: int | None
    tail_size: int | None
    tails: int
    is_closing: bool
    numbers: list[int]
    etags: list[str]
    sizes: list[int]


BEGIN: Final = Statement(
    type(None),
    """
    WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO part_list (key) SELECT $1 FROM unhurried
    """,
)
FIND: Final = Statement(
    ProgressRow,
    """
    SELECT fence, upload, tail, tail_size, tails, is_closing,
        array(SELECT number FROM part WHERE part.key = $1 ORDER BY number) AS numbers,
        array(SELECT etag FROM part WHERE part.key = $1 ORDER BY number) AS etags,
        array(SELECT size FROM part WHERE part.key = $1 ORDER BY number) AS sizes
    FROM part_list WHERE key = $1 AND NOT is_deleted
    """,
)
IS_DELETED: Final = Statement(bool, "SELECT is_deleted FROM part_list WHERE key = $1")
ACQUIRE: Final = Statement(
    int,
    """
    UPDATE part_list SET fence = fence + 1, held_until = now() + $2::interval
    WHERE key = $1 AND NOT is_deleted AND held_until <= now()
    RETURNING fence
    """,
)
RENEW: Final = Statement(
    UUID,
    """
    WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE part_list SET held_until = now() + $3::interval FROM unhurried WHERE key = $1 AND fence = $2 RETURNING key
    """,
)
RELEASE: Final = Statement(
    type(None),
    """
    WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE part_list SET held_until = '-infinity' FROM unhurried WHERE key = $1 AND fence = $2
    """,
)
BEGIN_MULTIPART: Final = Statement(
    UUID, "UPDATE part_list SET upload = $3, written_at = now() WHERE key = $1 AND fence = $2 RETURNING key"
)
NUMBER_PART: Final = Statement(
    int,
    "UPDATE part_list SET numbers = numbers + 1 WHERE key = $1 AND fence = $2 AND NOT is_closing RETURNING numbers",
)
ADD_PART: Final = Statement(
    UUID,
    """
    WITH held AS (
        UPDATE part_list SET tail = NULL, tail_size = NULL, written_at = now()
        WHERE key = $1 AND fence = $2 AND NOT is_closing RETURNING key
    )
    INSERT INTO part (key, number, etag, size) SELECT key, $3, $4, $5 FROM held RETURNING key
    """,
)
NUMBER_TAIL: Final = Statement(
    int, "UPDATE part_list SET tails = tails + 1 WHERE key = $1 AND fence = $2 AND NOT is_closing RETURNING tails"
)
SET_TAIL: Final = Statement(
    UUID,
    """
    UPDATE part_list SET tail = $3, tail_size = $4, written_at = now()
    WHERE key = $1 AND fence = $2 AND NOT is_closing RETURNING key
    """,
)
TAKE_BACK: Final = Statement(
    UUID,
    """
    WITH held AS (
        UPDATE part_list SET tail = $4, tail_size = $5, written_at = now()
        WHERE key = $1 AND fence = $2 AND NOT is_closing RETURNING key
    ), dropped AS (
        DELETE FROM part USING held WHERE part.key = held.key AND number > $3
    )
    SELECT key FROM held
    """,
)
CLOSE: Final = Statement(
    UUID, "UPDATE part_list SET is_closing = true, written_at = now() WHERE key = $1 AND fence = $2 RETURNING key"
)
CLOSE_WITH: Final = Statement(
    UUID,
    """
    WITH held AS (
        UPDATE part_list SET is_closing = true, tail = NULL, tail_size = NULL, written_at = now()
        WHERE key = $1 AND fence = $2 RETURNING key
    )
    INSERT INTO part (key, number, etag, size) SELECT key, $3, $4, $5 FROM held RETURNING key
    """,
)
REOPEN: Final = Statement(
    UUID,
    """
    UPDATE part_list SET is_closing = false, written_at = now()
    WHERE key = $1 AND fence = $2 AND NOT EXISTS (SELECT FROM part WHERE part.key = $1) RETURNING key
    """,
)
FINISH: Final = Statement(
    UUID,
    """
    WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
    DELETE FROM part_list USING unhurried WHERE key = $1 AND fence = $2 RETURNING key
    """,
)
SEIZE: Final = Statement(
    ProgressRow,
    """
    UPDATE part_list SET fence = fence + 1, is_deleted = true, written_at = now() WHERE key = $1
    RETURNING fence, upload, tail, tail_size, tails, is_closing,
        '{}'::integer[] AS numbers, '{}'::text[] AS etags, '{}'::bigint[] AS sizes
    """,
)
FORGET: Final = Statement(
    type(None),
    """
    WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
    DELETE FROM part_list USING unhurried WHERE key = $1 AND NOT (is_closing AND held_until > now())
    """,
)
WRITTEN_BEFORE: Final = Statement(UUID, "SELECT key FROM part_list WHERE written_at < $1 ORDER BY written_at")
UNKNOWN_KEYS: Final = Statement(
    UUID,
    """
    SELECT asked.key FROM unnest($1::uuid[]) AS asked (key)
    WHERE NOT EXISTS (SELECT FROM part_list WHERE part_list.key = asked.key)
    """,
)
UNKNOWN_UPLOADS: Final = Statement(
    str,
    """
    SELECT asked.upload FROM unnest($1::text[]) AS asked (upload)
    WHERE NOT EXISTS (SELECT FROM part_list WHERE part_list.upload = asked.upload)
    """,
)


class PostgresPartList:
    """See PartList."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, key: UUID) -> None:
        """See PartList."""
        async with connection(self._database) as c:
            await execute(c, BEGIN, key)

    async def find(self, key: UUID) -> Progress | None:
        """See PartList."""
        async with connection(self._database) as c:
            row = await fetch_one(c, FIND, key)
        return None if row is None else _progress(row)

    async def acquire(self, key: UUID, lease: timedelta) -> tuple[Hold, Progress] | None:
        """See PartList. Between the first two statements nobody else changes the parts."""
        async with connection(self._database) as c:
            fence = await fetch_one(c, ACQUIRE, key, lease)
            row = await fetch_one(c, FIND, key)
            if row is None and await fetch_one(c, IS_DELETED, key):
                raise ObjectMissing
        if row is None:
            return None
        if fence is None or row.fence != fence:
            raise upload_session.busy()
        return Hold(key, fence), _progress(row)

    async def renew(self, hold: Hold, lease: timedelta) -> None:
        """See PartList."""
        await self._under(hold, RENEW, lease)

    async def release(self, hold: Hold) -> None:
        """See PartList."""
        async with connection(self._database) as c:
            await execute(c, RELEASE, hold.key, hold.fence)

    async def begin_multipart(self, hold: Hold, upload: str) -> None:
        """See PartList."""
        await self._under(hold, BEGIN_MULTIPART, upload)

    async def number_part(self, hold: Hold) -> int:
        """See PartList."""
        return await self._under(hold, NUMBER_PART)

    async def add_part(self, hold: Hold, part: Part) -> None:
        """See PartList."""
        await self._under(hold, ADD_PART, part.number, part.etag, part.size)

    async def number_tail(self, hold: Hold) -> int:
        """See PartList."""
        return await self._under(hold, NUMBER_TAIL)

    async def set_tail(self, hold: Hold, tail: Tail) -> None:
        """See PartList."""
        await self._under(hold, SET_TAIL, tail.number, tail.size)

    async def take_back(self, hold: Hold, progress: Progress) -> None:
        """See PartList."""
        last = progress.parts[-1].number if progress.parts else 0
        tail = progress.tail
        await self._under(hold, TAKE_BACK, last, tail.number if tail else None, tail.size if tail else None)

    async def close(self, hold: Hold, last: Part | None) -> None:
        """See PartList."""
        if last is None:
            await self._under(hold, CLOSE)
        else:
            await self._under(hold, CLOSE_WITH, last.number, last.etag, last.size)

    async def reopen(self, hold: Hold) -> None:
        """See PartList."""
        await self._under(hold, REOPEN)

    async def finish(self, hold: Hold) -> None:
        """See PartList."""
        await self._under(hold, FINISH)

    async def seize(self, key: UUID) -> Progress | None:
        """See PartList."""
        async with connection(self._database) as c:
            row = await fetch_one(c, SEIZE, key)
        return None if row is None else _progress(row)

    async def forget(self, key: UUID) -> None:
        """See PartList."""
        async with connection(self._database) as c:
            await execute(c, FORGET, key)

    async def written_before(self, before: datetime) -> list[UUID]:
        """See PartList."""
        async with connection(self._database) as c:
            return await fetch_all(c, WRITTEN_BEFORE, before)

    async def unknown_keys(self, keys: Sequence[UUID]) -> set[UUID]:
        """See PartList."""
        async with connection(self._database) as c:
            return set(await fetch_all(c, UNKNOWN_KEYS, list(keys)))

    async def unknown_uploads(self, uploads: Sequence[str]) -> set[str]:
        """See PartList."""
        async with connection(self._database) as c:
            return set(await fetch_all(c, UNKNOWN_UPLOADS, list(uploads)))

    async def _under(self, hold: Hold, statement: Statement[Answer], *arguments: Any) -> Answer:
        async with connection(self._database) as c:
            answer = await fetch_one(c, statement, hold.key, hold.fence, *arguments)
            if answer is None:
                await _refuse(c, hold.key)
                raise upload_session.busy()
        return answer


async def _refuse(c: Connection, key: UUID) -> None:
    if await fetch_one(c, FIND, key) is None:
        raise ObjectMissing


def _progress(row: ProgressRow) -> Progress:
    parts = tuple(Part(*each) for each in zip(row.numbers, row.etags, row.sizes, strict=True))
    tail = None if row.tail is None or row.tail_size is None else Tail(row.tail, row.tail_size)
    return Progress(row.upload, parts, tail, row.tails, row.is_closing)
