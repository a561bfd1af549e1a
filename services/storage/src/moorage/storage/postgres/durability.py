"""Refuses a database whose commits may be lost after they were answered (R84)."""

from typing import Final

from moorage.runtime.lifecycle import CannotStart
from moorage.runtime.postgres import Database
from moorage.runtime.statement import Statement, fetch_one
from moorage.storage.postgres.connections import connection

COMMIT_MODE: Final = Statement(str, "SELECT current_setting('synchronous_commit')")


class CommitsNotDurable(CannotStart):
    """The database answers commits before they are on its disk."""


async def check_durability(database: Database) -> None:
    """Raises CommitsNotDurable, Unavailable."""
    async with connection(database) as c:
        mode = await fetch_one(c, COMMIT_MODE)
    if mode == "off":
        raise CommitsNotDurable("synchronous_commit is off for this database or role: a registry must not run so")
