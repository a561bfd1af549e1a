"""Blobs that no image holds any more become discarded objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from moorage.oci.digest import Digest
from moorage.runtime.statement import Connection, Statement, execute, fetch_all
from moorage.storage.collection import NOBODY, BlobState, Cutoff, Kind, Reviewable, Verdict, Wait, judge_blob


@dataclass(frozen=True, slots=True)
class BlobRow:
    """A blob, whether an image holds it, and the youngest review of it."""

    digest: str
    size: int
    is_linked: bool
    latest: datetime


LOCK: Final = Statement(str, "SELECT digest FROM blob WHERE digest = ANY($1) FOR UPDATE SKIP LOCKED")
JUDGE: Final = Statement(
    BlobRow,
    """
    SELECT blob.digest, blob.size, EXISTS (SELECT FROM blob_link WHERE blob_link.digest = blob.digest) AS is_linked,
        coalesce((
            SELECT max(since) FROM review
            WHERE review.digest = blob.digest AND review.image = '00000000-0000-0000-0000-000000000000'
                AND kind = 'blob'
        ), '-infinity') AS latest
    FROM blob WHERE blob.digest = ANY($1)
    """,
)
DISCARD: Final = Statement(
    type(None),
    """
    WITH gone AS (DELETE FROM blob WHERE digest = ANY($1) RETURNING key)
    INSERT INTO discarded_object (key) SELECT key FROM gone ON CONFLICT (key) DO NOTHING
    """,
)


async def take(
    c: Connection, objects: Sequence[Reviewable], cutoff: Cutoff
) -> tuple[dict[Reviewable, Verdict | Wait], dict[Reviewable, int]]:
    """Discards what may go; the verdicts, and what went with its size."""
    locked = set(await fetch_all(c, LOCK, [str(each.digest) for each in objects]))
    states = await _states(c, objects)
    judged = {
        of: judge_blob(state, cutoff) if str(of.digest) in locked else cutoff.later(Kind.BLOB)
        for of, state in states.items()
    }
    gone = {of: states[of].size for of, verdict in judged.items() if verdict is Verdict.COLLECT}
    if gone:
        await execute(c, DISCARD, [str(each.digest) for each in gone])
    return judged, gone


async def see(c: Connection, objects: Sequence[Reviewable], cutoff: Cutoff) -> dict[Reviewable, int]:
    """What would go."""
    states = await _states(c, objects)
    return {of: state.size for of, state in states.items() if judge_blob(state, cutoff) is Verdict.COLLECT}


async def _states(c: Connection, objects: Sequence[Reviewable]) -> dict[Reviewable, BlobState]:
    rows = await fetch_all(c, JUDGE, [str(each.digest) for each in objects])
    states = [BlobState(Digest.parse(row.digest), row.size, row.is_linked, row.latest) for row in rows]
    return {Reviewable(Kind.BLOB, NOBODY, state.digest): state for state in states}
