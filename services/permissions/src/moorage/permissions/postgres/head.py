"""The newest position."""

from dataclasses import dataclass
from typing import Final

from moorage.access.consistency import ConsistencyToken
from moorage.permissions.ports import LedgerUnavailable
from moorage.runtime.statement import Connection, Statement, fetch_one

NOT_MIGRATED: Final = "the schema is not migrated"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest position."""

    epoch: int
    seq: int

    def token(self) -> ConsistencyToken:
        """As a consistency token."""
        return ConsistencyToken(self.epoch, self.seq)


HEAD: Final = Statement(Head, "SELECT epoch, seq FROM meta")


async def head_of(connection: Connection) -> ConsistencyToken:
    """The newest position as the connection sees it. Raises LedgerUnavailable."""
    head = await fetch_one(connection, HEAD)
    if head is None:
        raise LedgerUnavailable(NOT_MIGRATED)
    return head.token()
