"""What waits for review, and the steps from content to what nobody refers to any more (R94-R101).

Whoever names content locks it first, in a mode that excludes only those who take it away: a link and a child manifest
FOR KEY SHARE, and a blob by the foreign key of the link. A review locks FOR UPDATE, passing over what it would have to
wait for, and judges in a statement of its own afterwards: it sees all that was named before, and nobody can name
anything until it has ended. So it never waits, and nothing that has a name goes. What never waits has no place in the
order in which everybody else locks (docs/design/storage.md, "Lock order").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one
from moorage.storage.collection import Collected, Cutoff, Kind, Policy, Reviewable, Verdict, Wait
from moorage.storage.collection_store import Batch, Place, Queue, Reviewed
from moorage.storage.postgres import collectable_blobs, collectable_links, collectable_manifests, undo
from moorage.storage.postgres.connections import connection, transaction
from moorage.storage.postgres.content_holds import ChangingStore, under_hold

Judged = Mapping[Reviewable, Verdict | Wait]


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A row of review."""

    id: int
    image: UUID
    digest: str
    since: datetime


@dataclass(frozen=True, slots=True)
class QueueRow:
    """How many rows of review wait."""

    waiting: int
    due: int
    oldest_due: datetime | None


NOW: Final = Statement(datetime, "SELECT now()")
QUEUE: Final = Statement(
    QueueRow,
    """
    SELECT count(*) AS waiting, count(*) FILTER (WHERE since <= $2) AS due, min(since) FILTER (WHERE since <= $2)
        AS oldest_due
    FROM review WHERE kind = $1
    """,
)
TAKE: Final = Statement(
    ReviewRow,
    """
    SELECT id, image, digest, since FROM review
    WHERE kind = $1 AND since <= $2 AND (since, id) > ($3, $4)
    ORDER BY since, id LIMIT $5
    FOR UPDATE SKIP LOCKED
    """,
)
PEEK: Final = Statement(
    ReviewRow,
    """
    SELECT id, image, digest, since FROM review
    WHERE kind = $1 AND since <= $2 AND (since, id) > ($3, $4)
    ORDER BY since, id LIMIT $5
    """,
)
SETTLE: Final = Statement(type(None), "DELETE FROM review WHERE id = ANY($1)")
PUT_BACK: Final = Statement(
    type(None),
    """
    UPDATE review SET since = waits.since FROM unnest($1::bigint[], $2::timestamptz[]) AS waits (id, since)
    WHERE review.id = waits.id
    """,
)


class PostgresCollectionStore(ChangingStore):
    """See CollectionStore."""

    async def cutoff(self, policy: Policy) -> Cutoff:
        """See CollectionStore."""
        async with connection(self._database) as c:
            [now] = await fetch_all(c, NOW)
        return Cutoff(now, policy)

    async def queue(self, kind: Kind, cutoff: Cutoff) -> Queue:
        """See CollectionStore."""
        async with connection(self._database) as c:
            row = await fetch_one(c, QUEUE, kind.value, cutoff.due(kind))
        return Queue(row.waiting, row.due, row.oldest_due) if row else Queue(0, 0, None)

    @under_hold
    async def review(self, batch: Batch) -> Reviewed:
        """See CollectionStore."""
        async with transaction(self._database) as c:
            rows = await _rows(c, TAKE, batch)
            judged, gone = await _taken(c, batch, _objects(rows, batch.kind))
            await _settle(c, rows, batch.kind, judged)
        return _reviewed(rows, gone)

    async def preview(self, batch: Batch) -> Reviewed:
        """See CollectionStore. Without locks, what is judged may be out of date by the time it is told."""
        async with connection(self._database) as c:
            rows = await _rows(c, PEEK, batch)
            gone = await _seen(c, batch, _objects(rows, batch.kind))
        return _reviewed(rows, gone)

    @under_hold
    async def forget_deleted(self, cutoff: Cutoff, limit: int) -> Collected:
        """See CollectionStore."""
        async with transaction(self._database) as c:
            tags = await execute(c, undo.FORGET_TAGS, cutoff.undo, limit)
            forgotten = await fetch_all(c, undo.FORGET_MANIFESTS, cutoff.undo, limit)
            gone = [(row.image, Digest.parse(row.digest)) for row in forgotten if row.is_gone]
            await collectable_manifests.end_companions(c, gone, cutoff.policy)
            await execute(c, collectable_links.FORGET_LONG_UPLOADS, cutoff.told, limit)
        return Collected(tags=tags, manifests=len(forgotten))

    async def forgettable(self, cutoff: Cutoff) -> Collected:
        """See CollectionStore."""
        async with connection(self._database) as c:
            row = await fetch_one(c, undo.FORGETTABLE, cutoff.undo)
        return Collected(tags=row.tags, manifests=row.manifests) if row else Collected()


async def _rows(c: Connection, statement: Statement[ReviewRow], batch: Batch) -> list[ReviewRow]:
    due = batch.cutoff.due(batch.kind)
    if due is None:
        return []
    return await fetch_all(c, statement, batch.kind.value, due, batch.after.since, batch.after.id, batch.limit)


async def _taken(c: Connection, batch: Batch, objects: Sequence[Reviewable]) -> tuple[Judged, Mapping[Reviewable, int]]:
    if not objects:
        return {}, {}
    match batch.kind:
        case Kind.BLOB:
            return await collectable_blobs.take(c, objects, batch.cutoff)
        case Kind.LINK:
            return await collectable_links.take(c, objects, batch.cutoff)
        case Kind.MANIFEST:
            return await collectable_manifests.take(c, objects, batch.cutoff)


async def _seen(c: Connection, batch: Batch, objects: Sequence[Reviewable]) -> Mapping[Reviewable, int]:
    if not objects:
        return {}
    match batch.kind:
        case Kind.BLOB:
            return await collectable_blobs.see(c, objects, batch.cutoff)
        case Kind.LINK:
            return await collectable_links.see(c, objects, batch.cutoff)
        case Kind.MANIFEST:
            return await collectable_manifests.see(c, objects, batch.cutoff)


async def _settle(c: Connection, rows: Sequence[ReviewRow], kind: Kind, judged: Judged) -> None:
    """What is not judged is not there any more."""
    waits = {row.id: judged.get(_object(row, kind)) for row in rows}
    back = {id: verdict.since for id, verdict in waits.items() if isinstance(verdict, Wait)}
    if settled := [row.id for row in rows if row.id not in back]:
        await execute(c, SETTLE, settled)
    if back:
        await execute(c, PUT_BACK, list(back), list(back.values()))


def _object(row: ReviewRow, kind: Kind) -> Reviewable:
    return Reviewable(kind, row.image, Digest.parse(row.digest))


def _objects(rows: Sequence[ReviewRow], kind: Kind) -> list[Reviewable]:
    return list(dict.fromkeys(_object(row, kind) for row in rows))


def _reviewed(rows: Sequence[ReviewRow], gone: Mapping[Reviewable, int]) -> Reviewed:
    return Reviewed(len(rows), Place(rows[-1].since, rows[-1].id) if rows else None, gone)
