"""How far verifications have come, and what they found. Progress commits without waiting for the disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.runtime.statement import Statement, execute, fetch_all, fetch_one
from moorage.storage.damage import Damage, Extent, KnownDamage, ListedBlob, Progress
from moorage.storage.postgres.connections import connection
from moorage.storage.postgres.content_holds import ChangingStore, under_hold


@dataclass(frozen=True, slots=True)
class BlobRow:
    """A row of blob, as a verification reads it."""

    digest: str
    key: UUID
    size: int
    damage: str | None


@dataclass(frozen=True, slots=True)
class DamageRow:
    """A row of blob that is marked."""

    digest: str
    size: int
    damage: str
    damage_found_at: datetime
    images: list[UUID]


BEGIN: Final = Statement(
    Progress,
    """
    INSERT INTO verification (name, began_at) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET name = excluded.name
    RETURNING began_at, after, objects, bytes
    """,
)
ADVANCE: Final = Statement(
    type(None),
    """
    WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE verification SET after = $3, objects = $4, bytes = $5 FROM unhurried
    WHERE name = $1 AND began_at = $2 AND after < $3
    """,
)
END: Final = Statement(type(None), "DELETE FROM verification WHERE name = $1 AND began_at = coalesce($2, began_at)")
EXTENT: Final = Statement(Extent, "SELECT count(*) AS objects, coalesce(sum(size), 0)::bigint AS bytes FROM blob")
PAGE: Final = Statement(
    BlobRow, "SELECT digest, key, size, damage FROM blob WHERE digest > $1 ORDER BY digest LIMIT $2"
)
FIND: Final = Statement(BlobRow, "SELECT digest, key, size, damage FROM blob WHERE digest = $1")
JUDGE: Final = Statement(
    type(None),
    """
    UPDATE blob SET damage = $3, damage_found_at = CASE WHEN $3::text IS NULL THEN NULL ELSE $4::timestamptz END
    WHERE digest = $1 AND key = $2
    """,
)
DAMAGED: Final = Statement(
    DamageRow,
    """
    SELECT digest, size, damage, damage_found_at,
        array(SELECT image FROM blob_link WHERE blob_link.digest = blob.digest ORDER BY image) AS images
    FROM blob WHERE damage IS NOT NULL AND digest > $1 ORDER BY digest LIMIT $2
    """,
)
UNOWNED: Final = Statement(
    UUID,
    """
    SELECT key FROM unnest($1::uuid[]) AS listed (key)
    WHERE NOT EXISTS (SELECT FROM blob WHERE blob.key = listed.key)
        AND NOT EXISTS (SELECT FROM upload_session WHERE id = listed.key)
        AND NOT EXISTS (SELECT FROM discarded_object WHERE discarded_object.key = listed.key)
    """,
)


class PostgresVerificationStore(ChangingStore):
    """See VerificationStore."""

    async def begin(self, name: str, now: datetime) -> Progress:
        """See VerificationStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, BEGIN, name, now) or Progress(now)

    async def advance(self, name: str, progress: Progress) -> None:
        """See VerificationStore."""
        p = progress
        async with connection(self._database) as c:
            await execute(c, ADVANCE, name, p.began_at, p.after, p.objects, p.bytes)

    async def end(self, name: str, began_at: datetime | None = None) -> None:
        """See VerificationStore."""
        async with connection(self._database) as c:
            await execute(c, END, name, began_at)

    async def extent(self) -> Extent:
        """See VerificationStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, EXTENT) or Extent(0, 0)

    async def page(self, after: str, limit: int) -> list[ListedBlob]:
        """See VerificationStore."""
        async with connection(self._database) as c:
            return [_listed(row) for row in await fetch_all(c, PAGE, after, limit)]

    async def find(self, digest: Digest) -> ListedBlob | None:
        """See VerificationStore."""
        async with connection(self._database) as c:
            row = await fetch_one(c, FIND, str(digest))
        return None if row is None else _listed(row)

    @under_hold
    async def judge(self, blob: ListedBlob, damage: Damage | None, now: datetime) -> bool:
        """See VerificationStore."""
        async with connection(self._database) as c:
            return await execute(c, JUDGE, str(blob.digest), blob.key, damage and damage.value, now) > 0

    async def damaged(self, after: str, limit: int) -> list[KnownDamage]:
        """See VerificationStore."""
        async with connection(self._database) as c:
            return [_known(row) for row in await fetch_all(c, DAMAGED, after, limit)]

    async def unowned(self, keys: Sequence[UUID]) -> set[UUID]:
        """See VerificationStore."""
        async with connection(self._database) as c:
            return set(await fetch_all(c, UNOWNED, list(keys)))


def _listed(row: BlobRow) -> ListedBlob:
    return ListedBlob(Digest.parse(row.digest), row.key, row.size, Damage(row.damage) if row.damage else None)


def _known(row: DamageRow) -> KnownDamage:
    return KnownDamage(Digest.parse(row.digest), row.size, Damage(row.damage), row.damage_found_at, tuple(row.images))
