"""What was deleted by hand: moved aside, moved back, given up in the end.

Rows are locked in the order of everybody (docs/design/storage.md, "Lock order"): links, manifests, tags, and then what
lies aside. So that is read first and taken away last; if it is not there any more by then, nothing was done.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.oci.errors import ManifestBlobUnknown, Unavailable
from moorage.oci.reference import Tag
from moorage.runtime.statement import Connection, Statement, execute, fetch_all
from moorage.storage.ports import Restorer
from moorage.storage.postgres import holding


@dataclass(frozen=True, slots=True)
class NamedRow:
    """What a manifest names."""

    digest: str
    is_manifest: bool


@dataclass(frozen=True, slots=True)
class ForgottenRow:
    """A deleted manifest that does not come back; it may be there all the same, pushed by an older version."""

    image: UUID
    digest: str
    is_gone: bool


@dataclass(frozen=True, slots=True)
class ForgettableRow:
    """How much does not come back."""

    tags: int
    manifests: int


@dataclass(frozen=True, slots=True)
class DeletedTagRow:
    """A tag that was deleted."""

    name: str
    digest: str
    deleted_at: datetime
    deleted_by: str


# One may lie aside already if a process of an older version has brought the manifest back by a push.
SET_ASIDE: Final = Statement(
    type(None),
    """
    WITH aside AS (
        INSERT INTO deleted_manifest (
            image, digest, media_type, body, subject, artifact_type, annotations, token, token_is_local, pushed_by,
            pushed_at
        )
        SELECT image, digest, media_type, body, subject, artifact_type, annotations, token, token_is_local, pushed_by,
            pushed_at
        FROM manifest WHERE image = $1 AND digest = $2
        ON CONFLICT (image, digest) DO UPDATE
        SET token = excluded.token, token_is_local = excluded.token_is_local, deleted_at = now()
        RETURNING image, digest
    )
    INSERT INTO deleted_reference (image, manifest, digest, is_manifest)
    SELECT named.image, named.manifest, named.digest, named.is_manifest
    FROM aside JOIN manifest_reference AS named ON named.image = aside.image AND named.manifest = aside.digest
    ON CONFLICT (image, manifest, digest, is_manifest) DO UPDATE SET deleted_at = now()
    """,
)
# A deleted manifest and those that it names and that were deleted too, at any depth.
FAMILY: Final = Statement(
    str,
    """
    WITH RECURSIVE family AS (
        SELECT digest FROM deleted_manifest
        WHERE image = $1 AND digest = $2 AND ($3::interval IS NULL OR deleted_at > now() - $3::interval)
        UNION
        SELECT child.digest
        FROM family JOIN deleted_reference AS named ON named.image = $1 AND named.manifest = family.digest
            JOIN deleted_manifest AS child ON child.image = $1 AND child.digest = named.digest
        WHERE named.is_manifest
    )
    SELECT digest FROM family ORDER BY digest
    """,
)
BRING_BACK: Final = Statement(
    type(None),
    """
    INSERT INTO manifest (
        image, digest, media_type, body, subject, artifact_type, annotations, token, token_is_local, pushed_by,
        pushed_at
    )
    SELECT image, digest, media_type, body, subject, artifact_type, annotations, GREATEST(token, $3), token_is_local,
        pushed_by, pushed_at
    FROM deleted_manifest WHERE image = $1 AND digest = ANY($2) ORDER BY digest
    ON CONFLICT (image, digest) DO NOTHING
    """,
)
BRING_BACK_REFERENCES: Final = Statement(
    type(None),
    """
    INSERT INTO manifest_reference (image, manifest, digest, is_manifest)
    SELECT image, manifest, digest, is_manifest FROM deleted_reference WHERE image = $1 AND manifest = ANY($2)
    ON CONFLICT DO NOTHING
    """,
)
NAMED: Final = Statement(
    NamedRow,
    "SELECT DISTINCT digest, is_manifest FROM deleted_reference WHERE image = $1 AND manifest = ANY($2)",
)
NOT_ASIDE: Final = Statement(
    str,
    """
    WITH aside AS (
        SELECT digest FROM deleted_manifest WHERE image = $1 AND digest = ANY($2) ORDER BY digest FOR UPDATE
    )
    DELETE FROM deleted_manifest USING aside
    WHERE deleted_manifest.image = $1 AND deleted_manifest.digest = aside.digest
    RETURNING deleted_manifest.digest
    """,
)
TAG_ASIDE: Final = Statement(
    DeletedTagRow,
    """
    SELECT name, digest, deleted_at, deleted_by FROM deleted_tag
    WHERE image = $1 AND name = $2 AND deleted_at > now() - $3::interval
    """,
)
# The digest must still be the one whose manifest was brought back: another deletion may have come in between.
BRING_BACK_TAG: Final = Statement(
    str,
    """
    WITH aside AS (
        SELECT token FROM deleted_tag WHERE image = $1 AND name = $2 AND digest = $3
    ), back AS (
        INSERT INTO tag (image, name, digest, token) SELECT $1, $2, $3, GREATEST(token, $4) FROM aside
        ON CONFLICT (image, name) DO NOTHING RETURNING name
    )
    INSERT INTO tag_history (image, name, before, after, principal) SELECT $1, name, NULL, $3, $5 FROM back
    RETURNING name
    """,
)
TAG_NOT_ASIDE: Final = Statement(type(None), "DELETE FROM deleted_tag WHERE image = $1 AND name = $2 AND digest = $3")
DELETED_TAGS: Final = Statement(
    DeletedTagRow,
    """
    SELECT name, digest, deleted_at, deleted_by FROM deleted_tag
    WHERE image = $1 AND name > $2 AND deleted_at > now() - $3::interval
        AND NOT EXISTS (SELECT FROM tag WHERE tag.image = $1 AND tag.name = deleted_tag.name)
    ORDER BY name LIMIT $4
    """,
)
FORGET_TAGS: Final = Statement(
    type(None),
    """
    WITH over AS (
        SELECT image, name FROM deleted_tag WHERE deleted_at <= $1 ORDER BY deleted_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM deleted_tag USING over WHERE deleted_tag.image = over.image AND deleted_tag.name = over.name
    """,
)
FORGET_MANIFESTS: Final = Statement(
    ForgottenRow,
    """
    WITH over AS (
        SELECT image, digest FROM deleted_manifest
        WHERE deleted_at <= $1 ORDER BY deleted_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM deleted_manifest USING over
    WHERE deleted_manifest.image = over.image AND deleted_manifest.digest = over.digest
    RETURNING deleted_manifest.image, deleted_manifest.digest, NOT EXISTS (
        SELECT FROM manifest
        WHERE manifest.image = deleted_manifest.image AND manifest.digest = deleted_manifest.digest
    ) AS is_gone
    """,
)
FORGETTABLE: Final = Statement(
    ForgettableRow,
    """
    SELECT (SELECT count(*) FROM deleted_tag WHERE deleted_at <= $1) AS tags,
        (SELECT count(*) FROM deleted_manifest WHERE deleted_at <= $1) AS manifests
    """,
)
FORGET_TAGS_OF: Final = Statement(
    type(None),
    """
    WITH aside AS (SELECT name FROM deleted_tag WHERE image = $1 ORDER BY name FOR UPDATE)
    DELETE FROM deleted_tag USING aside WHERE image = $1 AND deleted_tag.name = aside.name
    """,
)
FORGET_MANIFESTS_OF: Final = Statement(
    type(None),
    """
    WITH aside AS (SELECT digest FROM deleted_manifest WHERE image = $1 ORDER BY digest FOR UPDATE)
    DELETE FROM deleted_manifest USING aside WHERE image = $1 AND deleted_manifest.digest = aside.digest
    """,
)


async def bring_back(
    c: Connection, image: UUID, digest: Digest, restorer: Restorer, window: timedelta | None
) -> list[str]:
    """The manifests that are back: this one, if it was deleted within `window`, and deleted ones that it names.

    They lie aside too until `end_aside`. Raises ManifestBlobUnknown if the image does not hold what they name any more.
    """
    back = await fetch_all(c, FAMILY, image, str(digest), window)
    if back:
        named = await fetch_all(c, NAMED, image, back)
        held = await _held(c, holding.HOLD_BLOBS, image, [row.digest for row in named if not row.is_manifest])
        await execute(c, BRING_BACK, image, back, [restorer.token.epoch, restorer.token.seq])
        await execute(c, BRING_BACK_REFERENCES, image, back)
        held |= await _held(c, holding.HOLD_MANIFESTS, image, [row.digest for row in named if row.is_manifest])
        _verify({row.digest for row in named} - held)
    return back


async def end_aside(c: Connection, image: UUID, back: Sequence[str]) -> None:
    """What is back lies aside no longer. Raises Unavailable if it did not any more, so that it is not back either."""
    if back and set(await fetch_all(c, NOT_ASIDE, image, back)) != set(back):
        raise in_between()


async def forget_image(c: Connection, image: UUID) -> None:
    """Nothing that was deleted of it comes back."""
    await execute(c, FORGET_TAGS_OF, image)
    await execute(c, FORGET_MANIFESTS_OF, image)


def in_between() -> Unavailable:
    """What lay aside was pushed, restored or given up meanwhile: nothing was done, and asking again tells which."""
    return Unavailable("another change of the same content came in between", retry_after_seconds=1)


async def _held(c: Connection, statement: Statement[holding.HeldRow], image: UUID, named: Sequence[str]) -> set[str]:
    return {row.digest for row in await fetch_all(c, statement, image, named)} if named else set()


def _verify(missing: Collection[str]) -> None:
    if missing:
        first = sorted(missing)[:10]
        raise ManifestBlobUnknown(
            f"it can't be restored: the image does not hold {first[0]} any more", detail={"digests": first}
        )


async def tag_again(c: Connection, image: UUID, tag: Tag, digest: Digest, restorer: Restorer) -> None:
    """Puts a deleted tag back on its manifest, which is there and stays."""
    token = [restorer.token.epoch, restorer.token.seq]
    if not await fetch_all(c, holding.HOLD_MANIFESTS, image, [str(digest)]):
        raise in_between()
    back = await fetch_all(c, BRING_BACK_TAG, image, tag.text, str(digest), token, restorer.principal)
    if not back or not await execute(c, TAG_NOT_ASIDE, image, tag.text, str(digest)):
        raise in_between()
