"""Links of blobs that nothing in their image names, and nobody is about to name, end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.runtime.statement import Connection, Statement, execute, fetch_all
from moorage.storage.collection import Cutoff, Kind, LinkState, Reviewable, Verdict, Wait, judge_link


@dataclass(frozen=True, slots=True)
class LockedRow:
    """A link that nobody else works on."""

    image: UUID
    digest: str


@dataclass(frozen=True, slots=True)
class LinkRow:
    """See LinkState."""

    image: UUID
    digest: str
    told_at: datetime
    is_named: bool
    pushing_since: datetime | None
    latest: datetime


LOCK: Final = Statement(
    LockedRow,
    """
    SELECT blob_link.image, blob_link.digest
    FROM unnest($1::uuid[], $2::text[]) AS looked (image, digest) JOIN blob_link USING (image, digest)
    FOR UPDATE OF blob_link SKIP LOCKED
    """,
)
# What a deleted manifest names is kept as long as that can be restored ($3), and not a moment longer.
JUDGE: Final = Statement(
    LinkRow,
    """
    SELECT link.image, link.digest,
        GREATEST(link.linked_at, (
            SELECT max(ended_at) FROM long_upload AS push
            WHERE push.image = link.image AND push.since <= link.linked_at
                AND push.ended_at - interval '1 hour' > link.linked_at
        )) AS told_at,
        EXISTS (
            SELECT FROM manifest_reference AS named WHERE named.image = link.image AND named.digest = link.digest
        ) OR EXISTS (
            SELECT FROM deleted_reference AS named
            WHERE named.image = link.image AND named.digest = link.digest AND named.deleted_at > $3
        ) AS is_named,
        (SELECT min(started_at) FROM upload_session WHERE upload_session.image = link.image) AS pushing_since,
        coalesce((
            SELECT max(since) FROM review
            WHERE review.digest = link.digest AND review.image = link.image AND kind = 'link'
        ), '-infinity') AS latest
    FROM unnest($1::uuid[], $2::text[]) AS looked (image, digest) JOIN blob_link AS link USING (image, digest)
    """,
)
UNLINK: Final = Statement(
    type(None),
    """
    DELETE FROM blob_link USING unnest($1::uuid[], $2::text[]) AS gone (image, digest)
    WHERE blob_link.image = gone.image AND blob_link.digest = gone.digest
    """,
)

# An upload that is open now may be the next one of the same push.
FORGET_LONG_UPLOADS: Final = Statement(
    type(None),
    """
    WITH over AS (
        SELECT id FROM long_upload
        WHERE ended_at <= $1
            AND NOT EXISTS (SELECT FROM upload_session WHERE upload_session.image = long_upload.image)
        ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM long_upload USING over WHERE long_upload.id = over.id
    """,
)


async def take(
    c: Connection, objects: Sequence[Reviewable], cutoff: Cutoff
) -> tuple[dict[Reviewable, Verdict | Wait], dict[Reviewable, int]]:
    """Ends what may go; the verdicts, and what went."""
    locked = {(row.image, row.digest) for row in await fetch_all(c, LOCK, *_keys(objects))}
    states = await _states(c, objects, cutoff)
    judged = {
        of: judge_link(state, cutoff) if (of.image, str(of.digest)) in locked else cutoff.later(Kind.LINK)
        for of, state in states.items()
    }
    gone = [of for of, verdict in judged.items() if verdict is Verdict.COLLECT]
    if gone:
        await execute(c, UNLINK, *_keys(gone))
    return judged, dict.fromkeys(gone, 0)


async def see(c: Connection, objects: Sequence[Reviewable], cutoff: Cutoff) -> dict[Reviewable, int]:
    """What would go."""
    states = await _states(c, objects, cutoff)
    return {of: 0 for of, state in states.items() if judge_link(state, cutoff) is Verdict.COLLECT}


async def _states(c: Connection, objects: Sequence[Reviewable], cutoff: Cutoff) -> dict[Reviewable, LinkState]:
    rows = await fetch_all(c, JUDGE, *_keys(objects), cutoff.undo)
    states = [
        LinkState(row.image, Digest.parse(row.digest), row.told_at, row.is_named, row.pushing_since, row.latest)
        for row in rows
    ]
    return {Reviewable(Kind.LINK, state.image, state.digest): state for state in states}


def _keys(objects: Sequence[Reviewable]) -> tuple[list[UUID], list[str]]:
    return [each.image for each in objects], [str(each.digest) for each in objects]
