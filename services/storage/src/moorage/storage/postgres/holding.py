"""Keeps what a manifest names until the manifest is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.runtime.statement import Connection, Statement, fetch_all, fetch_one
from moorage.storage.references import MAX_INDEX_DEPTH


@dataclass(frozen=True, slots=True)
class HeldRow:
    """Content of an image, and its size in bytes."""

    digest: str
    size: int


HOLD_BLOBS: Final = Statement(
    HeldRow,
    """
    SELECT blob_link.digest, blob.size
    FROM blob_link JOIN blob USING (digest)
    WHERE blob_link.image = $1 AND blob_link.digest = ANY($2)
    ORDER BY blob_link.digest
    FOR KEY SHARE OF blob_link
    """,
)
HOLD_MANIFESTS: Final = Statement(
    HeldRow,
    "SELECT digest, size FROM manifest WHERE image = $1 AND digest = ANY($2) ORDER BY digest FOR KEY SHARE",
)
# One level more than is allowed is enough to refuse; the same manifest at the same depth is followed once.
DEPTH: Final = Statement(
    int,
    """
    WITH RECURSIVE below (digest, depth) AS (
        SELECT unnest($2::text[]) COLLATE "C", 1
        UNION
        SELECT named.digest, below.depth + 1
        FROM below JOIN manifest_reference AS named ON named.image = $1 AND named.manifest = below.digest
        WHERE named.is_manifest AND below.depth <= $3
    )
    SELECT max(depth)::int AS depth FROM below
    """,
)


async def depth(c: Connection, image: UUID, children: Sequence[Digest]) -> int:
    """How many manifests lie one below the other there, counted to one more than an index may have."""
    if not children:
        return 0
    return await fetch_one(c, DEPTH, image, [str(digest) for digest in children], MAX_INDEX_DEPTH) or 0


async def hold(
    c: Connection, statement: Statement[HeldRow], image: UUID, digests: Sequence[Digest]
) -> Mapping[Digest, int]:
    """Those of the digests that the image holds, with their sizes; they stay until the transaction ends."""
    if not digests:
        return {}
    rows = await fetch_all(c, statement, image, [str(digest) for digest in digests])
    return {Digest.parse(row.digest): row.size for row in rows}
