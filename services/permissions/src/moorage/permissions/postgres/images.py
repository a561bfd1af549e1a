"""Image records."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from moorage.access.image import ImageRecord, ImageState, PushPolicy, Visibility
from moorage.permissions.postgres.texts import storable
from moorage.permissions.records import DetachCause, Image, Origin, Repository
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
    origin: str
    created_at: datetime
    repository: int
    repository_ext: UUID
    repository_slug: str | None
    repository_state: int
    project: UUID | None

    def value(self) -> Image:
        """As the use cases know it."""
        state = STATES[self.repository_state]
        repository = Repository(self.repository, self.repository_ext, self.repository_slug, self.project, state)
        cause = DetachCause(self.detached_by) if self.detached_by else None
        origin = Origin(self.origin)
        return Image(self.id, self._record(), repository, self.ws_slug, self.ws, origin, self.created_at, cause)

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
        )


# Every way to find images reads this view, which the schema defines beside the table.
BY_NAME: Final = Statement(ImageRow, "SELECT * FROM image_in_place WHERE ws = $1 AND name = $2 AND state <> 'deleted'")
BY_ID: Final = Statement(ImageRow, "SELECT * FROM image_in_place WHERE ext = $1")
PAGE: Final = Statement(
    ImageRow,
    "SELECT * FROM image_in_place WHERE ws = $1 AND name > $2 AND state <> 'deleted' ORDER BY name LIMIT $3",
)
OF_WORKSPACE: Final = Statement(
    ImageRow, "SELECT * FROM image_in_place WHERE ws = $1 AND state <> 'deleted' ORDER BY id"
)
LINKED: Final = Statement(
    ImageRow, "SELECT * FROM image_in_place WHERE repository = ANY($1::int[]) AND state <> 'deleted' ORDER BY id"
)
OVERDUE: Final = Statement(
    ImageRow,
    "SELECT * FROM image_in_place WHERE state = 'detached' AND deadline <= $1 ORDER BY deadline, id LIMIT $2",
)
ADD: Final = Statement(
    type(None),
    """
    INSERT INTO image (id, ext, ws, name, repository, visibility, push_policy, state, link_gen, acl_seq, deadline,
                       pull_grace_until, detached_by, consumer_repositories, admin_override, origin, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    ON CONFLICT (ws, name) WHERE state <> 'deleted' DO NOTHING
    """,
)
PUT: Final = Statement(
    type(None),
    """
    UPDATE image SET
        name = $4, repository = $5, visibility = $6, push_policy = $7, state = $8, link_gen = $9, acl_seq = $10,
        deadline = $11, pull_grace_until = $12, detached_by = $13, consumer_repositories = $14, admin_override = $15
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

    async def linked(self, repositories: Collection[int]) -> Sequence[Image]:
        """The records linked to these repositories."""
        return [row.value() for row in await fetch_all(self._connection, LINKED, list(repositories))]

    async def overdue(self, now: datetime, limit: int) -> Sequence[Image]:
        """Detached records whose deadline has passed."""
        return [row.value() for row in await fetch_all(self._connection, OVERDUE, now, limit)]

    async def add(self, image: Image) -> None:
        """Keeps a new record. Raises NameTaken."""
        if not await execute(self._connection, ADD, *_columns(image), image.origin.value, image.created_at):
            raise NameTaken

    async def put(self, image: Image) -> None:
        """Replaces a record. Raises NameTaken."""
        try:
            await execute(self._connection, PUT, *_columns(image))
        except asyncpg.UniqueViolationError:
            raise NameTaken from None


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
    )
