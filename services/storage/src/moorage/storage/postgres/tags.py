"""Tags: pages by code point, deletion, history. Pushing writes them with their manifest (`manifests`)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.distribution.content import DeletedTag
from moorage.oci.digest import Digest
from moorage.oci.errors import TagTaken
from moorage.oci.reference import Tag
from moorage.runtime.statement import Statement, fetch_all, fetch_one
from moorage.storage.ports import Listed, Restorer
from moorage.storage.postgres import undo
from moorage.storage.postgres.connections import connection, transaction
from moorage.storage.postgres.content_holds import ChangingStore, under_hold
from moorage.storage.tag_store import TagMove


@dataclass(frozen=True, slots=True)
class TagRow:
    """A tag as a page shows it."""

    name: str
    token: list[int]


@dataclass(frozen=True, slots=True)
class MoveRow:
    """A row of tag_history."""

    before: str | None
    after: str | None
    principal: str


PAGE: Final = Statement(TagRow, "SELECT name, token FROM tag WHERE image = $1 AND name > $2 ORDER BY name LIMIT $3")
DELETE: Final = Statement(
    str,
    """
    WITH gone AS (
        DELETE FROM tag WHERE image = $1 AND name = $2 RETURNING name, digest, token, token_is_local
    ), aside AS (
        INSERT INTO deleted_tag (image, name, digest, token, token_is_local, deleted_by)
        SELECT $1, name, digest, token, token_is_local, $3 FROM gone
        ON CONFLICT (image, name) DO UPDATE
        SET digest = excluded.digest, token = excluded.token, token_is_local = excluded.token_is_local,
            deleted_at = now(), deleted_by = excluded.deleted_by
    )
    INSERT INTO tag_history (image, name, before, after, principal) SELECT $1, name, digest, NULL, $3 FROM gone
    RETURNING name
    """,
)
NAMES: Final = Statement(str, "SELECT digest FROM tag WHERE image = $1 AND name = $2")
HISTORY: Final = Statement(
    MoveRow,
    "SELECT before, after, principal FROM tag_history WHERE image = $1 AND name = $2 ORDER BY id DESC LIMIT $3",
)


class PostgresTagStore(ChangingStore):
    """See TagStore."""

    async def page(self, image: UUID, limit: int, after: str) -> list[Listed[Tag]]:
        """See TagStore."""
        async with connection(self._database) as c:
            rows = await fetch_all(c, PAGE, image, after, limit)
        return [Listed(Tag(row.name), ConsistencyToken(*row.token)) for row in rows]

    @under_hold
    async def delete(self, image: UUID, tag: Tag, principal: str) -> bool:
        """See TagStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, DELETE, image, tag.text, principal) is not None

    async def deleted(self, image: UUID, window: timedelta, limit: int, after: str) -> list[DeletedTag]:
        """See TagStore."""
        async with connection(self._database) as c:
            rows = await fetch_all(c, undo.DELETED_TAGS, image, after, window, limit)
        return [
            DeletedTag(Tag(r.name), Digest.parse(r.digest), r.deleted_at, r.deleted_by, r.deleted_at + window)
            for r in rows
        ]

    async def restore(self, image: UUID, tag: Tag, restorer: Restorer, window: timedelta) -> Digest | None:
        """See TagStore."""
        async with transaction(self._database) as c:
            aside = await fetch_one(c, undo.TAG_ASIDE, image, tag.text, window)
            named_now = await fetch_one(c, NAMES, image, tag.text)
            if aside is None:
                return None
            if named_now is not None:
                raise TagTaken(f"{tag} was pushed again since and names {named_now}", detail={"digest": named_now})
            digest = Digest.parse(aside.digest)
            back = await undo.bring_back(c, image, digest, restorer, None)
            await undo.tag_again(c, image, tag, digest, restorer)
            await undo.end_aside(c, image, back)
            return digest

    async def history(self, image: UUID, tag: Tag, limit: int) -> list[TagMove]:
        """See TagStore."""
        async with connection(self._database) as c:
            rows = await fetch_all(c, HISTORY, image, tag.text, limit)
        return [TagMove(tag, _digest(row.before), _digest(row.after), row.principal) for row in rows]


def _digest(text: str | None) -> Digest | None:
    return Digest.parse(text) if text else None
