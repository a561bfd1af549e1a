"""The past with the same SQL: statements that name tables are asked of the tables as they were (authorization.md §4).

A statement is prefixed by common table expressions that have the names of the tables it reads: inside, the rows that
were seen at one seq, from the table and from what its rows were before. So nothing is written twice, and what the past
says can't differ from what head said but in the facts.
"""

import re
from typing import TYPE_CHECKING, Any, Final, cast

from moorage.runtime.statement import Connection

if TYPE_CHECKING:
    import asyncpg

KEPT: Final = (
    "workspace",
    "project",
    "repository",
    "environment",
    "grp",
    "principal",
    "credential",
    "image",
    "group_member",
    "workspace_member",
    "grant_fact",
)
"""The tables that have a past; aliases are given once and for all, whoever can't see what they stand for yet."""
FOREVER: Final = 2**63 - 1


def at_seq(sql: str) -> str:
    """The statement as asked of the past: the seq is an argument more, the last one."""
    return as_of(sql, max((int(number) for number in re.findall(r"\$(\d+)", sql)), default=0) + 1)


def as_of(sql: str, argument: int) -> str:
    """The same, the seq being that argument: also for a part of a statement, so that one may compare two seqs."""
    named = (table for table in KEPT if re.search(rf"\b{table}\b", sql))
    shadows = ", ".join(_shadow(table, argument) for table in named)
    rest = re.sub(r"^\s*WITH\s", ", ", sql, count=1)
    return f"WITH {shadows} {rest}"


def ever(table: str) -> str:
    """Every row the table ever had, with the seq before which it was seen."""
    return f"SELECT {FOREVER}::bigint AS until_seq, * FROM {table} UNION ALL SELECT * FROM {table}_past"  # noqa: S608 - constants


def as_it_was(connection: Connection, seq: int) -> Connection:
    """A connection that reads as of the seq; it can't write."""
    return cast("Connection", _PastConnection(connection, seq))


def _shadow(table: str, argument: int) -> str:
    seen = f"seq <= ${argument} AND until_seq > ${argument}"
    return f"{table} AS NOT MATERIALIZED (SELECT * FROM ({ever(table)}) AS ever WHERE {seen})"  # noqa: S608 - constants


class _PastConnection:
    def __init__(self, connection: Connection, seq: int) -> None:
        self._connection = connection
        self._seq = seq

    async def fetch(self, sql: str, *arguments: Any) -> "list[asyncpg.Record]":
        return await self._connection.fetch(at_seq(sql), *arguments, self._seq)

    async def fetchrow(self, sql: str, *arguments: Any) -> "asyncpg.Record | None":
        return await self._connection.fetchrow(at_seq(sql), *arguments, self._seq)
