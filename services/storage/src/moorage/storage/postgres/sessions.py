"""Upload sessions, and the one step from a session to a blob.

Losing the newest sessions with the database server's power is a clean 404 to the client: what only concerns sessions
commits without waiting for the disk. Everything that makes or frees a blob waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import TooManyRequests
from moorage.runtime.gathering import Gathering
from moorage.runtime.statement import Statement, execute, fetch_all, fetch_one
from moorage.storage.ports import Completion, StoredObject
from moorage.storage.postgres.connections import Connections, connection
from moorage.storage.postgres.content_holds import ChangingStore, under_hold
from moorage.storage.upload_session import Session

_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A row of upload_session."""

    id: UUID
    image: UUID
    principal: str
    link_gen: int
    algorithm: str
    started_at: datetime
    touched_at: datetime


# Of several at once by one principal the first ones fit.
OPEN: Final = Statement(
    UUID,
    """
    WITH unhurried AS (
        SELECT set_config('synchronous_commit', 'off', true)
    ), asked AS (
        SELECT *, row_number() OVER (PARTITION BY principal ORDER BY place) AS nth
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::timestamptz[], $7::bigint[])
            WITH ORDINALITY AS asked (id, image, principal, link_gen, algorithm, started_at, max_open, place)
    )
    INSERT INTO upload_session (id, image, principal, link_gen, algorithm, started_at, touched_at)
    SELECT id, image, principal, link_gen, algorithm, started_at, started_at FROM unhurried, asked
    WHERE nth + (SELECT count(*) FROM upload_session AS open WHERE open.principal = asked.principal) <= max_open
    RETURNING id
    """,
)
FIND: Final = Statement(
    SessionRow,
    "SELECT id, image, principal, link_gen, algorithm, started_at, touched_at FROM upload_session WHERE id = $1",
)
TOUCH: Final = Statement(
    type(None),
    """
    WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE upload_session SET touched_at = $2 FROM unhurried WHERE id = $1
    """,
)
END: Final = Statement(
    UUID,
    """
    WITH ended AS (DELETE FROM upload_session WHERE id = $1 RETURNING id)
    INSERT INTO discarded_object (key) SELECT id FROM ended RETURNING key
    """,
)
END_ALL: Final = Statement(
    UUID,
    """
    WITH held AS (
        SELECT id FROM upload_session WHERE image = $1 ORDER BY id FOR UPDATE
    ), ended AS (
        DELETE FROM upload_session USING held WHERE upload_session.id = held.id RETURNING upload_session.id
    )
    INSERT INTO discarded_object (key) SELECT id FROM ended RETURNING key
    """,
)
ANY_OF: Final = Statement(bool, "SELECT EXISTS (SELECT FROM upload_session WHERE image = $1)")
# Of several completions of one digest the first keeps its object. $4 is the object to be replaced.
# `surplus` is whichever of the two objects is not the blob's now.
COMPLETE: Final = Statement(
    list[UUID],
    """
    WITH ended AS (
        DELETE FROM upload_session WHERE id = $1 RETURNING id, image
    ), kept AS (
        INSERT INTO blob (digest, key, size) SELECT $2, id, $3 FROM ended
        ON CONFLICT (digest) DO UPDATE SET
            key = CASE WHEN blob.key = $4 THEN excluded.key ELSE blob.key END,
            damage = CASE WHEN blob.key = $4 THEN NULL ELSE blob.damage END,
            damage_found_at = CASE WHEN blob.key = $4 THEN NULL ELSE blob.damage_found_at END
        RETURNING digest, key
    ), linked AS (
        INSERT INTO blob_link (image, digest) SELECT ended.image, kept.digest FROM ended, kept
        ON CONFLICT (image, digest) DO UPDATE SET linked_at = now()
    ), surplus AS (
        INSERT INTO discarded_object (key)
        SELECT CASE WHEN kept.key = ended.id THEN $4 ELSE ended.id END FROM ended, kept
        WHERE kept.key <> ended.id OR $4 IS NOT NULL
        ON CONFLICT (key) DO NOTHING
        RETURNING key
    )
    SELECT array(SELECT key FROM surplus) AS discarded FROM ended
    """,
)
# The usual case, in which nobody has the digest yet; rows are locked in order, as others complete several too.
COMPLETE_NEW: Final = Statement(
    UUID,
    """
    WITH open AS (
        SELECT upload_session.id, asked.digest, asked.size
        FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS asked (id, digest, size) JOIN upload_session USING (id)
        ORDER BY id FOR UPDATE OF upload_session
    ), kept AS (
        INSERT INTO blob (digest, key, size) SELECT digest, id, size FROM open ORDER BY digest COLLATE "C", id
        ON CONFLICT (digest) DO NOTHING
        RETURNING digest, key
    ), ended AS (
        DELETE FROM upload_session USING kept WHERE id = kept.key RETURNING id, image, digest
    ), linked AS (
        INSERT INTO blob_link (image, digest) SELECT image, digest FROM ended ORDER BY image, digest
        ON CONFLICT (image, digest) DO UPDATE SET linked_at = now()
    )
    SELECT id FROM ended
    """,
)
COMPLETE_WITH: Final = Statement(
    UUID,
    """
    WITH stored AS (
        SELECT digest FROM blob WHERE digest = $2 AND key = $3 FOR KEY SHARE
    ), ended AS (
        DELETE FROM upload_session USING stored WHERE id = $1 RETURNING id, image
    ), linked AS (
        INSERT INTO blob_link (image, digest) SELECT image, $2 FROM ended
        ON CONFLICT (image, digest) DO UPDATE SET linked_at = now()
    )
    INSERT INTO discarded_object (key) SELECT id FROM ended RETURNING key
    """,
)
ENDED_BY: Final = Statement(
    UUID, "SELECT id FROM upload_session WHERE touched_at <= $1 OR started_at <= $2 ORDER BY started_at LIMIT $3"
)
STILL_OPEN: Final = Statement(UUID, "SELECT id FROM upload_session WHERE id = ANY($1)")
DISCARDED: Final = Statement(UUID, "SELECT key FROM discarded_object ORDER BY discarded_at LIMIT $1")
FORGET_DISCARDED: Final = Statement(
    type(None),
    """
    WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
    DELETE FROM discarded_object USING unhurried WHERE key = ANY($1)
    """,
)


class PostgresSessionStore(ChangingStore):
    """See SessionStore."""

    def __init__(self, database: Connections) -> None:
        super().__init__(database)
        self._opening = Gathering(self._open, _AT_ONCE)
        self._completing = Gathering(self._complete_new, _AT_ONCE)

    async def open(self, session: Session, max_open: int) -> None:
        """See SessionStore."""
        opened = await self._opening.ask((session, max_open))
        if not opened:
            raise TooManyRequests(
                f"at most {max_open} uploads may be open at once: finish or cancel some", headers={"Retry-After": "60"}
            )

    async def find(self, session: UUID) -> Session | None:
        """See SessionStore."""
        async with connection(self._database) as c:
            row = await fetch_one(c, FIND, session)
        if row is None:
            return None
        algorithm = DigestAlgorithm(row.algorithm)
        return Session(row.id, row.image, row.principal, row.link_gen, algorithm, row.started_at, row.touched_at)

    async def touch(self, session: UUID, now: datetime) -> None:
        """See SessionStore."""
        async with connection(self._database) as c:
            await execute(c, TOUCH, session, now)

    async def end(self, session: UUID) -> bool:
        """See SessionStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, END, session) is not None

    async def end_all(self, image: UUID) -> list[UUID]:
        """See SessionStore."""
        async with connection(self._database) as c:
            return await fetch_all(c, END_ALL, image)

    async def any_of(self, image: UUID) -> bool:
        """See SessionStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, ANY_OF, image) is True

    @under_hold
    async def complete(self, completion: Completion) -> list[UUID] | None:
        """See SessionStore."""
        done = completion
        async with connection(self._database) as c:
            return await fetch_one(c, COMPLETE, done.session, str(done.digest), done.size, done.replaces)

    async def complete_new(self, session: UUID, digest: Digest, size: int) -> bool:
        """See SessionStore."""
        return await self._completing.ask((session, digest, size))

    async def complete_with(self, session: UUID, digest: Digest, stored: StoredObject) -> bool:
        """See SessionStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, COMPLETE_WITH, session, str(digest), stored.key) is not None

    async def ended_by(self, idle_since: datetime, started_before: datetime, limit: int) -> list[UUID]:
        """See SessionStore."""
        async with connection(self._database) as c:
            return await fetch_all(c, ENDED_BY, idle_since, started_before, limit)

    async def still_open(self, sessions: Sequence[UUID]) -> set[UUID]:
        """See SessionStore."""
        async with connection(self._database) as c:
            return set(await fetch_all(c, STILL_OPEN, list(sessions)))

    async def discarded(self, limit: int) -> list[UUID]:
        """See SessionStore."""
        async with connection(self._database) as c:
            return await fetch_all(c, DISCARDED, limit)

    async def forget_discarded(self, keys: Sequence[UUID]) -> None:
        """See SessionStore."""
        async with connection(self._database) as c:
            await execute(c, FORGET_DISCARDED, list(keys))

    async def _open(self, asked: Sequence[tuple[Session, int]]) -> Sequence[bool]:
        columns = zip(*((*_row(session), most) for session, most in asked), strict=True)
        async with connection(self._database) as c:
            opened = set(await fetch_all(c, OPEN, *map(list, columns)))
        return [session.id in opened for session, _ in asked]

    async def _complete_new(self, asked: Sequence[tuple[UUID, Digest, int]]) -> Sequence[bool]:
        columns = zip(*((session, str(digest), size) for session, digest, size in asked), strict=True)
        async with connection(self._database) as c:
            completed = set(await fetch_all(c, COMPLETE_NEW, *map(list, columns)))
        return [session in completed for session, _, _ in asked]


def _row(session: Session) -> tuple[UUID, UUID, str, int, str, datetime]:
    s = session
    return s.id, s.image, s.principal, s.link_gen, s.algorithm.value, s.started_at
