"""Manifests, what they name, and who refers to whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.distribution.content import StoredManifest
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest
from moorage.oci.errors import Unavailable
from moorage.oci.reference import Reference, Tag
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one
from moorage.storage import references
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.ports import Listed, Restorer, Vouched
from moorage.storage.postgres import holding, undo
from moorage.storage.postgres.connections import connection, transaction
from moorage.storage.postgres.content_holds import ChangingStore, under_hold

_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A manifest as it is handed out."""

    digest: str
    media_type: str
    body: bytes
    token: list[int]
    token_is_local: bool


@dataclass(frozen=True, slots=True)
class ToldManifestRow:
    """The same, and how long ago it noted that clients are told of it by its digest."""

    digest: str
    media_type: str
    body: bytes
    token: list[int]
    token_is_local: bool
    noted_ago: timedelta


@dataclass(frozen=True, slots=True)
class HeldManifestRow:
    """A manifest of an image, and the position it was pushed at."""

    digest: str
    token: list[int]


@dataclass(frozen=True, slots=True)
class ReferrerRow:
    """A manifest as the list of its subject's referrers shows it."""

    digest: str
    media_type: str
    size: int
    artifact_type: str | None
    annotations: dict[str, str]
    token: list[int]


# See 0008_cheap_pushes.sql; the order of its locks is that of docs/design/storage.md.
PUT: Final = Statement(
    bool, "SELECT put_manifest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) AS is_written"
)
FIND_BY_DIGEST: Final = Statement(
    ManifestRow,
    "SELECT digest, media_type, body, token, token_is_local FROM manifest WHERE image = $1 AND digest = $2",
)
FIND_BY_TAG: Final = Statement(
    ManifestRow,
    """
    SELECT digest, manifest.media_type, manifest.body, GREATEST(manifest.token, tag.token) AS token,
        manifest.token_is_local OR tag.token_is_local AS token_is_local
    FROM tag JOIN manifest USING (image, digest)
    WHERE tag.image = $1 AND tag.name = $2
    """,
)
# As `blobs.TELL`: only who finds it told of long ago pays for an update, and may find it gone by then.
TELL: Final = Statement(
    ToldManifestRow,
    """
    SELECT digest, media_type, body, token, token_is_local, now() - told_at AS noted_ago
    FROM manifest WHERE image = $1 AND digest = $2
    """,
)
NOTE: Final = Statement(
    type(None),
    """
    UPDATE manifest SET told_at = now() WHERE image = $1 AND digest = $2 AND told_at <= now() - $3::interval
    """,
)
HELD: Final = Statement(HeldManifestRow, "SELECT digest, token FROM manifest WHERE image = $1 AND digest = ANY($2)")
LOCK: Final = Statement(int, "SELECT 1 FROM manifest WHERE image = $1 AND digest = $2 FOR UPDATE")
UNTAG: Final = Statement(
    type(None),
    """
    WITH named AS (
        SELECT name FROM tag WHERE image = $1 AND digest = $2 ORDER BY name FOR UPDATE
    ), gone AS (
        DELETE FROM tag USING named WHERE tag.image = $1 AND tag.name = named.name
        RETURNING tag.name, tag.token, tag.token_is_local
    ), aside AS (
        INSERT INTO deleted_tag (image, name, digest, token, token_is_local, deleted_by)
        SELECT $1, name, $2, token, token_is_local, $3 FROM gone ORDER BY name
        ON CONFLICT (image, name) DO UPDATE
        SET digest = excluded.digest, token = excluded.token, token_is_local = excluded.token_is_local,
            deleted_at = now(), deleted_by = excluded.deleted_by
    )
    INSERT INTO tag_history (image, name, before, after, principal) SELECT $1, name, $2, NULL, $3 FROM gone
    """,
)
DELETE: Final = Statement(type(None), "DELETE FROM manifest WHERE image = $1 AND digest = $2")
ANY_OF: Final = Statement(bool, "SELECT EXISTS (SELECT FROM manifest WHERE image = $1)")
# A push locks what it names before itself, whatever their digests: who takes many manifests can't wait for any.
LOCK_ALL: Final = Statement(
    bool,
    """
    SELECT count(*) = (SELECT count(*) FROM manifest WHERE image = $1)
    FROM (SELECT FROM manifest WHERE image = $1 FOR UPDATE SKIP LOCKED) AS locked
    """,
)
LOCK_TAGS: Final = Statement(
    int,
    """
    SELECT count(*) FROM (SELECT FROM tag WHERE image = $1 ORDER BY name FOR UPDATE) AS locked
    """,
)
DELETE_ALL: Final = Statement(
    type(None),
    """
    WITH forgotten AS (DELETE FROM tag_history WHERE image = $1)
    DELETE FROM manifest WHERE image = $1
    """,
)
REFERRERS: Final = Statement(
    ReferrerRow,
    """
    SELECT digest, media_type, size, artifact_type, annotations, token
    FROM manifest WHERE image = $1 AND subject = $2 ORDER BY pushed_at, digest
    """,
)


class PostgresManifestStore(ChangingStore):
    """See ManifestStore."""

    @under_hold
    async def put(self, image: UUID, record: ManifestRecord) -> None:
        """See ManifestStore. The one transaction in which a push becomes visible; what goes with it is written here."""
        async with connection(self._database) as c:
            for _ in range(_ATTEMPTS):
                if await _write(c, image, record):
                    return
                await _say_what_is_missing(c, image, record)
        raise Unavailable("what the manifest names comes and goes just now; try again in a few seconds")

    async def find(self, image: UUID, reference: Reference) -> StoredManifest | None:
        """See ManifestStore."""
        statement = FIND_BY_TAG if isinstance(reference, Tag) else FIND_BY_DIGEST
        async with connection(self._database) as c:
            row = await fetch_one(c, statement, image, str(reference))
        return _found(row) if row else None

    async def vouch(self, image: UUID, digest: Digest, told_again_after: timedelta) -> Vouched[StoredManifest] | None:
        """See ManifestStore."""
        async with connection(self._database) as c:
            told = await fetch_one(c, TELL, image, str(digest))
            if told is None:
                return None
            if told.noted_ago < told_again_after:
                return Vouched(_found(told), told_again_after - told.noted_ago)
            await execute(c, NOTE, image, str(digest), told_again_after)
            row = await fetch_one(c, FIND_BY_DIGEST, image, str(digest))
        return Vouched(_found(row), told_again_after) if row else None

    async def held(self, image: UUID, digests: Sequence[Digest]) -> dict[Digest, ConsistencyToken]:
        """See ManifestStore."""
        async with connection(self._database) as c:
            rows = await fetch_all(c, HELD, image, [str(digest) for digest in digests])
        return {Digest.parse(row.digest): ConsistencyToken(*row.token) for row in rows}

    @under_hold
    async def delete(self, image: UUID, digest: Digest, principal: str) -> bool:
        """See ManifestStore."""
        async with transaction(self._database) as c:
            if await fetch_one(c, LOCK, image, str(digest)) is None:
                return False
            await execute(c, UNTAG, image, str(digest), principal)
            await execute(c, undo.SET_ASIDE, image, str(digest))
            await execute(c, DELETE, image, str(digest))
            return True

    async def restore(self, image: UUID, digest: Digest, restorer: Restorer, window: timedelta) -> bool:
        """See ManifestStore."""
        async with transaction(self._database) as c:
            back = await undo.bring_back(c, image, digest, restorer, window)
            await undo.end_aside(c, image, back)
            return bool(back)

    async def any_of(self, image: UUID) -> bool:
        """See ManifestStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, ANY_OF, image) is True

    @under_hold
    async def delete_all(self, image: UUID) -> None:
        """See ManifestStore."""
        async with transaction(self._database) as c:
            if not await fetch_one(c, LOCK_ALL, image):
                raise Unavailable("the image is being pushed to right now", retry_after_seconds=1)
            await fetch_one(c, LOCK_TAGS, image)
            await execute(c, DELETE_ALL, image)
            await undo.forget_image(c, image)

    async def referrers(self, image: UUID, subject: Digest) -> list[Listed[Descriptor]]:
        """See ManifestStore."""
        async with connection(self._database) as c:
            rows = await fetch_all(c, REFERRERS, image, str(subject))
        return [Listed(_shown(row), ConsistencyToken(*row.token)) for row in rows]


def _found(row: ManifestRow | ToldManifestRow) -> StoredManifest:
    token = str(ConsistencyToken(*row.token))
    return StoredManifest(Digest.parse(row.digest), row.media_type, row.body, token, row.token_is_local)


def _shown(row: ReferrerRow) -> Descriptor:
    return Descriptor(row.media_type, Digest.parse(row.digest), row.size, row.annotations, row.artifact_type)


async def _write(c: Connection, image: UUID, record: ManifestRecord) -> bool:
    shown, blobs, manifests = record.as_referrer, record.references.blobs, record.references.manifests
    written = await fetch_one(
        c,
        PUT,
        image,
        str(record.digest),
        record.manifest.media_type.value,
        record.body,
        str(record.subject) if record.subject else None,
        shown.artifact_type,
        dict(shown.annotations),
        [record.token.epoch, record.token.seq],
        record.token_is_local,
        record.principal,
        [tag.text for tag in record.tags],
        *_named(blobs),
        *_named(manifests),
        references.MAX_INDEX_DEPTH,
    )
    return written is True


def _named(descriptors: Sequence[Descriptor]) -> tuple[list[str], list[int]]:
    """Digests and the sizes they must have; one that is named with two sizes is there twice, and never held so."""
    pairs = sorted({(str(each.digest), each.size) for each in descriptors})
    return [digest for digest, _ in pairs], [size for _, size in pairs]


async def _say_what_is_missing(c: Connection, image: UUID, record: ManifestRecord) -> None:
    """Raises what `References.verify` raises; nothing, if all is there by now."""
    named = record.references
    children = references.digests(named.manifests)
    blobs = await holding.hold(c, holding.HOLD_BLOBS, image, references.digests(named.blobs))
    named.verify(blobs, await holding.hold(c, holding.HOLD_MANIFESTS, image, children))
    references.verify_depth(await holding.depth(c, image, children))
