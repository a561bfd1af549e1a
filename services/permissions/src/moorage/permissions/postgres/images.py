"""Image records."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from moorage.access.image import ImageRecord, ImageState, PushPolicy, Visibility
from moorage.access.publisher_body import read, written
from moorage.permissions.postgres.change_log import PostgresChangeLog
from moorage.permissions.postgres.texts import storable
from moorage.permissions.records import Deletion, DetachCause, Image, Origin, Purge, Repository
from moorage.permissions.rows import STATES
from moorage.permissions.stores import NameTaken
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class ImageRow:
    """A record as it is stored, with its repository and workspace."""

    id: int
    ext: UUID
    ws: int
    ws_ext: UUID
    ws_slug: str
    name: str
    visibility: str
    push_policy: str
    state: str
    link_gen: int
    acl_seq: int
    deadline: datetime | None
    pull_grace_until: datetime | None
    detached_by: str | None
    consumer_repositories: list[UUID]
    admin_override: bool
    publishers: list[Any]
    origin: str
    created_at: datetime
    repository: int
    repository_ext: UUID
    repository_slug: str | None
    repository_state: int
    project: UUID | None
    deleted_at: datetime | None
    undo_until: datetime | None
    purge_at: datetime | None
    purge: str | None

    def value(self) -> Image:
        """As the use cases know it."""
        state = STATES[self.repository_state]
        repository = Repository(self.repository, self.repository_ext, self.repository_slug, self.project, state)
        return Image(
            alias=self.id,
            record=self._record(),
            repository=repository,
            workspace_slug=self.ws_slug,
            workspace_alias=self.ws,
            origin=Origin(self.origin),
            created_at=self.created_at,
            detached_by=DetachCause(self.detached_by) if self.detached_by else None,
            deletion=Deletion(self.deleted_at, self.undo_until) if self.deleted_at and self.undo_until else None,
            purge_at=self.purge_at,
            purge=Purge(self.purge) if self.purge else None,
        )

    def _record(self) -> ImageRecord:
        return ImageRecord(
            id=self.ext,
            workspace=self.ws_ext,
            name=self.name,
            repository=self.repository_ext,
            visibility=Visibility(self.visibility),
            push_policy=PushPolicy(self.push_policy),
            state=ImageState(self.state),
            link_gen=self.link_gen,
            acl_seq=self.acl_seq,
            deadline=self.deadline,
            pull_grace_until=self.pull_grace_until,
            consumer_repositories=frozenset(self.consumer_repositories),
            admin_override=self.admin_override,
            publishers=read(self.publishers),
        )


# Every way to find images reads them so: with the repository (whose state is its project's where that one carries no
# roles) and the workspace.
IN_PLACE: Final = """
    SELECT i.id, i.ext, i.ws, w_alias.ext AS ws_ext, w.slug AS ws_slug, i.name, i.visibility, i.push_policy, i.state,
           i.link_gen, i.acl_seq, i.deadline, i.pull_grace_until, i.detached_by, i.consumer_repositories,
           i.admin_override, i.publishers, i.origin, i.created_at, i.repository,
           r.ext AS repository_ext, r.slug AS repository_slug,
           CASE WHEN r.state IN (1, 2) AND p.state > 2 THEN p.state ELSE r.state END AS repository_state,
           p_alias.ext AS project, i.deleted_at, i.undo_until, i.purge_at, i.purge
    FROM image AS i
    JOIN workspace AS w ON w.id = i.ws
    JOIN alias AS w_alias ON w_alias.id = i.ws
    JOIN repository AS r ON r.id = i.repository
    LEFT JOIN project AS p ON p.id = r.project
    LEFT JOIN alias AS p_alias ON p_alias.id = r.project
"""


def image_named(ws: str, name: str) -> str:
    """A query for the record that has a name in a workspace now; the arguments are SQL."""
    return f"{IN_PLACE} WHERE i.ws = {ws} AND i.name = {name} AND i.state <> 'deleted'"


BY_NAME: Final = Statement(ImageRow, image_named("$1", "$2"))
BY_ID: Final = Statement(ImageRow, f"{IN_PLACE} WHERE i.ext = $1")
PAGE: Final = Statement(
    ImageRow, f"{IN_PLACE} WHERE i.ws = $1 AND i.name > $2 AND i.state <> 'deleted' ORDER BY i.name LIMIT $3"
)
AMONG: Final = Statement(
    ImageRow,
    f"""{IN_PLACE} WHERE i.ws = $1 AND (i.repository = ANY($2::int[]) OR i.id = ANY($3::int[])) AND i.state <> 'deleted'
    ORDER BY i.name LIMIT $4""",
)
OF_WORKSPACE: Final = Statement(ImageRow, f"{IN_PLACE} WHERE i.ws = $1 AND i.state <> 'deleted' ORDER BY i.id")
RESTORABLE: Final = Statement(
    ImageRow,
    f"""{IN_PLACE} WHERE i.ws = $1 AND (i.name, i.ext) > ($2, $3) AND i.undo_until > $4 AND i.purge IS NULL
    ORDER BY i.name, i.ext LIMIT $5""",
)
LINKED: Final = Statement(
    ImageRow,
    f"""{IN_PLACE} WHERE i.repository = ANY($1::int[])
    AND (i.state <> 'deleted' OR (i.undo_until IS NOT NULL AND i.purge IS NULL)) ORDER BY i.id""",
)
OVERDUE: Final = Statement(
    ImageRow,
    f"{IN_PLACE} WHERE i.state = 'detached' AND i.deadline <= $1 ORDER BY i.deadline, i.id LIMIT $2",
)
TO_PURGE: Final = Statement(
    UUID,
    """
    SELECT ext FROM image WHERE purge_at <= $1 AND purge IS DISTINCT FROM 'done' ORDER BY purge_at, id LIMIT $2
    """,
)
BEGIN_PURGE: Final = Statement(
    UUID,
    """
    WITH due AS (
        SELECT id FROM image WHERE purge_at <= $1 AND purge IS DISTINCT FROM 'done' ORDER BY purge_at, id LIMIT $2
    )
    UPDATE image SET purge = 'begun' FROM due WHERE image.id = due.id RETURNING image.ext
    """,
)
END_PURGE: Final = Statement(
    UUID, "UPDATE image SET purge = 'done' WHERE ext = ANY($1::uuid[]) AND purge = 'begun' RETURNING ext"
)
# Who restored or relinked a record wants it.
UNPUSHED: Final = Statement(
    ImageRow,
    f"""{IN_PLACE} WHERE i.origin = 'first_push' AND i.link_gen = 1 AND NOT i.content_seen
    AND i.state NOT IN ('deleted', 'expired') AND i.created_at <= $1
    AND ($2::uuid IS NULL OR (i.created_at, i.id) > (SELECT created_at, id FROM image WHERE ext = $2))
    AND ($3::uuid[] IS NULL OR i.ext = ANY($3)) ORDER BY i.created_at, i.id LIMIT $4""",  # noqa: S608 - constants of this module
)
SEE_CONTENT: Final = Statement(type(None), "UPDATE image SET content_seen = true WHERE ext = ANY($1::uuid[])")
ORPHANS: Final = Statement(
    int,
    """
    SELECT count(*) FROM image AS i JOIN repository AS r ON r.id = i.repository
    WHERE i.state = 'active' AND r.state NOT IN (1, 2)
    """,
)
ADD: Final = Statement(
    type(None),
    """
    INSERT INTO image (id, ext, ws, name, repository, visibility, push_policy, state, link_gen, acl_seq, deadline,
                       pull_grace_until, detached_by, consumer_repositories, admin_override, publishers, seq, by_whom,
                       deleted_at, undo_until, purge_at, origin, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
    ON CONFLICT (ws, name) WHERE state <> 'deleted' DO NOTHING
    """,
)
PUT: Final = Statement(
    type(None),
    """
    UPDATE image SET
        name = $4, repository = $5, visibility = $6, push_policy = $7, state = $8, link_gen = $9, acl_seq = $10,
        deadline = $11, pull_grace_until = $12, detached_by = $13, consumer_repositories = $14, admin_override = $15,
        publishers = $16, seq = $17, by_whom = $18, deleted_at = $19, undo_until = $20, purge_at = $21
    WHERE id = $1 AND ext = $2 AND ws = $3
    """,
)


class PostgresImages:
    """Image records as one connection sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def named(self, workspace: int, name: str) -> Image | None:
        """The record that has the name now."""
        if not storable(name):
            return None
        row = await fetch_one(self._connection, BY_NAME, workspace, name)
        return row.value() if row else None

    async def by_id(self, id: UUID) -> Image | None:
        """The record with this id."""
        row = await fetch_one(self._connection, BY_ID, id)
        return row.value() if row else None

    async def page(self, workspace: int, after: str, limit: int) -> Sequence[Image]:
        """Records after a name."""
        return [row.value() for row in await fetch_all(self._connection, PAGE, workspace, after, limit)]

    async def among(
        self, workspace: int, repositories: Collection[int], images: Collection[int], limit: int
    ) -> Sequence[Image]:
        """Records of these repositories, and these."""
        asked = (workspace, list(repositories), list(images), limit)
        return [row.value() for row in await fetch_all(self._connection, AMONG, *asked)]

    async def restorable(self, workspace: int, after: tuple[str, UUID], now: datetime, limit: int) -> Sequence[Image]:
        """Deleted records that can be restored."""
        return [row.value() for row in await fetch_all(self._connection, RESTORABLE, workspace, *after, now, limit)]

    async def to_purge(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Images that are over, whose content is still there."""
        return await fetch_all(self._connection, TO_PURGE, now, limit)

    async def unpushed(
        self, before: datetime, limit: int, after: UUID | None = None, among: Collection[UUID] | None = None
    ) -> Sequence[Image]:
        """Records of first pushes that nothing is known to have come of."""
        chosen = list(among) if among is not None else None
        return [row.value() for row in await fetch_all(self._connection, UNPUSHED, before, after, chosen, limit)]

    async def orphans(self) -> int:
        """Active records whose repository is gone."""
        return await fetch_one(self._connection, ORPHANS) or 0

    async def linked(self, repositories: Collection[int]) -> Sequence[Image]:
        """The records linked to these repositories."""
        return [row.value() for row in await fetch_all(self._connection, LINKED, list(repositories))]

    async def overdue(self, now: datetime, limit: int) -> Sequence[Image]:
        """Detached records whose deadline has passed."""
        return [row.value() for row in await fetch_all(self._connection, OVERDUE, now, limit)]


class PostgresImageRecords(PostgresImages):
    """Image records as one change writes them."""

    def __init__(self, connection: Connection, log: PostgresChangeLog) -> None:
        super().__init__(connection)
        self._log = log

    async def add(self, image: Image) -> None:
        """Keeps a new record. Raises NameTaken."""
        if not await execute(self._connection, ADD, *self._stamped(image), image.origin.value, image.created_at):
            raise NameTaken

    async def put(self, image: Image) -> None:
        """Replaces a record. Raises NameTaken."""
        try:
            await execute(self._connection, PUT, *self._stamped(image))
        except asyncpg.UniqueViolationError:
            raise NameTaken from None

    async def begin_purge(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Ends the time in which these can be restored, for good."""
        return await fetch_all(self._connection, BEGIN_PURGE, now, limit)

    async def end_purge(self, images: Collection[UUID]) -> int:
        """The content is gone."""
        return len(await fetch_all(self._connection, END_PURGE, list(images)))

    async def see_content(self, images: Collection[UUID]) -> None:
        """Something was pushed to these."""
        await execute(self._connection, SEE_CONTENT, list(images))

    def _stamped(self, image: Image) -> tuple[Any, ...]:
        deletion = image.deletion
        over = (deletion.at if deletion else None, deletion.undo_until if deletion else None, image.purge_at)
        return (*_columns(image), self._log.frame, self._log.by, *over)


def _columns(image: Image) -> tuple[Any, ...]:
    record = image.record
    return (
        image.alias,
        record.id,
        image.workspace_alias,
        record.name,
        image.repository.alias,
        record.visibility.value,
        record.push_policy.value,
        record.state.value,
        record.link_gen,
        record.acl_seq,
        record.deadline,
        record.pull_grace_until,
        image.detached_by.value if image.detached_by else None,
        sorted(record.consumer_repositories),
        record.admin_override,
        written(record.publishers),
    )
