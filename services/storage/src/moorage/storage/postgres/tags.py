"""Tags: pages by code point, deletion, history. Pushing writes them with their manifest (`manifests`)."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.oci.digest import Digest
from moorage.oci.reference import Tag
from moorage.runtime.postgres import Database
from moorage.runtime.statement import Statement, fetch_all, fetch_one
from moorage.storage.ports import Listed, TagMove
from moorage.storage.postgres.connections import connection


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
    WITH gone AS (DELETE FROM tag WHERE image = $1 AND name = $2 RETURNING name, digest)
    INSERT INTO tag_history (image, name, before, after, principal) SELECT $1, name, digest, NULL, $3 FROM gone
    RETURNING name
    """,
)
HISTORY: Final = Statement(
    MoveRow,
    "SELECT before, after, principal FROM tag_history WHERE image = $1 AND name = $2 ORDER BY id DESC LIMIT $3",
)


class PostgresTagStore:
    """See TagStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, image: UUID, limit: int, after: str) -> list[Listed[Tag]]:
        """See TagStore."""
        async with connection(self._database) as c:
            rows = await fetch_all(c, PAGE, image, after, limit)
        return [Listed(Tag(row.name), ConsistencyToken(*row.token)) for row in rows]

    async def delete(self, image: UUID, tag: Tag, principal: str) -> bool:
        """See TagStore."""
        async with connection(self._database) as c:
            return await fetch_one(c, DELETE, image, tag.text, principal) is not None

    async def history(self, image: UUID, tag: Tag, limit: int) -> list[TagMove]:
        """See TagStore."""
        async with connection(self._database) as c:
            rows = await fetch_all(c, HISTORY, image, tag.text, limit)
        return [TagMove(tag, _digest(row.before), _digest(row.after), row.principal) for row in rows]


def _digest(text: str | None) -> Digest | None:
    return Digest.parse(text) if text else None
