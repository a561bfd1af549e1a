"""Keeps what a manifest names until the manifest is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.runtime.statement import Connection, Statement, fetch_all


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


async def hold(
    c: Connection, statement: Statement[HeldRow], image: UUID, digests: Sequence[Digest]
) -> Mapping[Digest, int]:
    """Those of the digests that the image holds, with their sizes; they stay until the transaction ends."""
    if not digests:
        return {}
    rows = await fetch_all(c, statement, image, [str(digest) for digest in digests])
    return {Digest.parse(row.digest): row.size for row in rows}
