"""What is asked of sources (authorization.md §2.5)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.permissions.request_book import Wanted
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one

MOST_WAITING: Final = 10_000
"""Per source; what is asked beyond is not kept, and will be asked again."""

OF_SOURCE: Final = Statement(
    Wanted,
    """
    SELECT r.id, r.kind, alias.ext AS workspace, r.usr AS "user", r.repository, r.at
    FROM source_request AS r JOIN alias ON alias.id = r.ws WHERE r.source = $1 ORDER BY r.id LIMIT $2
    """,
)
WAITING: Final = Statement(int, "SELECT count(*)::int FROM source_request WHERE source = $1")
WANT: Final = Statement(
    type(None),
    """
    INSERT INTO source_request (source, kind, ws, usr, repository, at) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
    """,
)
DONE: Final = Statement(type(None), "DELETE FROM source_request WHERE source = $1 AND id = $2")
ANSWERED: Final = Statement(type(None), "DELETE FROM source_request WHERE source = $1 AND ws = $2")


class PostgresRequests:
    """Requests as one connection sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, source: int, limit: int) -> Sequence[Wanted]:
        """What this source is asked."""
        return await fetch_all(self._connection, OF_SOURCE, source, limit)

    async def want(
        self, source: int, kind: str, workspace: int, user: UUID | None, repository: UUID | None, at: datetime
    ) -> bool:
        """Asks, once."""
        if (await fetch_one(self._connection, WAITING, source) or 0) >= MOST_WAITING:
            return False
        return bool(await execute(self._connection, WANT, source, kind, workspace, user, repository, at))

    async def done(self, source: int, id: int) -> bool:
        """Forgets a request."""
        return bool(await execute(self._connection, DONE, source, id))

    async def answered(self, source: int, workspace: int) -> None:
        """Forgets what was asked about the workspace."""
        await execute(self._connection, ANSWERED, source, workspace)
