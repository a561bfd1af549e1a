"""The epochs that operators have begun."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from moorage.permissions.epoch import Epoch
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class EpochRow:
    """An epoch as it is stored."""

    id: int
    reason: str
    at: datetime

    def value(self) -> Epoch:
        """As the use cases know it."""
        return Epoch(self.id, self.reason, self.at)


BUMP: Final = Statement(int, "UPDATE meta SET epoch = greatest(epoch, $1) + 1 RETURNING epoch")
BEGIN: Final = Statement(type(None), "INSERT INTO epoch (id, reason, at) VALUES ($1, $2, $3)")
CURRENT: Final = Statement(
    EpochRow, "SELECT epoch.id, epoch.reason, epoch.at FROM epoch JOIN meta ON meta.epoch = epoch.id"
)
ALL: Final = Statement(int, "SELECT id FROM epoch ORDER BY id")
WORKSPACES: Final = Statement(int, "SELECT id FROM workspace WHERE src = ANY($1::int[]) ORDER BY id")


class PostgresEpochs:
    """See EpochBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def begin(self, reason: str, at: datetime, beyond: int = 0) -> Epoch:
        """The next epoch."""
        id = await fetch_one(self._connection, BUMP, beyond)
        if id is None:
            raise LookupError("the schema is not migrated")
        await execute(self._connection, BEGIN, id, reason, at)
        return Epoch(id, reason, at)

    async def current(self) -> Epoch | None:
        """The epoch there is, if it was begun by an operator."""
        row = await fetch_one(self._connection, CURRENT)
        return row.value() if row else None

    async def all(self) -> Sequence[int]:
        """All that were begun by operators."""
        return await fetch_all(self._connection, ALL)

    async def workspaces(self, sources: Collection[int]) -> Sequence[int]:
        """The workspaces that these sources have told of."""
        return await fetch_all(self._connection, WORKSPACES, sorted(sources))
