"""Edges of a workspace as packed columns, straight from the database: COPY in its binary form, no row is an object."""

import sys
from array import array
from typing import Final

from moorage.access.frames import EntityKind
from moorage.access.packed import IN_GROUP, KINDS
from moorage.access.packing import Packer
from moorage.access.sums import IMAGES, NODES, SQL_TERM
from moorage.runtime.statement import Connection, Statement, fetch_one

# One bigint a row: two bytes that count columns, four that measure this one, and the value, highest byte first.
_HEADER_BYTES: Final = 19
_ROW_BYTES: Final = 14
_KEY_AT: Final = 6
_TOLD_AT: Final = 10

_EDGES: Final = f"""
    SELECT usr AS k, grp::bigint << 2 | {IN_GROUP} AS t FROM group_member WHERE ws = $1 AND present
    UNION ALL
    SELECT usr, ws::bigint << 2 | role FROM workspace_member WHERE ws = $1 AND role > 0
    UNION ALL
    SELECT grantee, node::bigint << 2 | role FROM grant_fact WHERE ws = $1 AND role > 0 AND grantee_kind = 'user'
    UNION ALL
    SELECT node, grantee::bigint << 2 | role FROM grant_fact WHERE ws = $1 AND role > 0 AND grantee_kind <> 'user'
"""  # noqa: S608 - a constant of ours
EDGES_IN_ORDER: Final = Statement(int, f"SELECT k::bigint << 32 | t FROM ({_EDGES}) AS edge ORDER BY 1")  # noqa: S608 - as above
SORT_IN_MEMORY: Final = Statement(str, "SELECT set_config('work_mem', '256MB', true)")


def _kind(kind: EntityKind) -> int:
    return KINDS.index(kind) << 4


SUM: Final = Statement(
    str,
    f"""
    SELECT (coalesce(sum({SQL_TERM}), 0) % 18446744073709551616)::text FROM (
        {_EDGES}
        UNION ALL
        SELECT id, {NODES} + ({_kind(EntityKind.PROJECT)} | state) FROM project WHERE ws = $1
        UNION ALL
        SELECT id, {NODES} + (coalesce(project, 0)::bigint << 8 | {_kind(EntityKind.REPOSITORY)} | state)
        FROM repository WHERE ws = $1
        UNION ALL
        SELECT id, {NODES} + (repository::bigint << 8 | {_kind(EntityKind.ENVIRONMENT)} | state)
        FROM environment WHERE ws = $1
        UNION ALL
        SELECT id, {NODES} + ({_kind(EntityKind.GROUP)} | state) FROM grp WHERE ws = $1
        UNION ALL
        SELECT id, {IMAGES} + acl_seq FROM image WHERE ws = $1 AND state <> 'deleted'
    ) AS told
    """,  # noqa: S608 - as above
)


async def write_edges(connection: Connection, ws: int, packer: Packer) -> None:
    """Hands the workspace's edges to the packer, in order; others get a turn after each piece of the copy."""
    await fetch_one(connection, SORT_IN_MEMORY)
    copied = _Copied(packer)
    await connection.copy_from_query(EDGES_IN_ORDER.sql, ws, output=copied.take, format="binary")


async def sum_of(connection: Connection, ws: int) -> int:
    """The sum of moorage.access.sums over the workspace."""
    await fetch_one(connection, SORT_IN_MEMORY)
    return int(await fetch_one(connection, SUM, ws) or 0)


class _Copied:
    """The copy so far: whole rows become columns, the rest waits for the next piece."""

    def __init__(self, packer: Packer) -> None:
        self._packer = packer
        self._rest = b""
        self._to_skip = _HEADER_BYTES

    async def take(self, piece: bytes) -> None:
        """The next piece, of any length."""
        data = self._rest + piece
        if self._to_skip:
            if len(data) < self._to_skip:
                self._rest = data
                return
            data, self._to_skip = data[self._to_skip :], 0
        whole = len(data) // _ROW_BYTES * _ROW_BYTES
        self._rest = data[whole:]
        if whole:
            self._packer.edges(_column(data[:whole], _KEY_AT), _column(data[:whole], _TOLD_AT))


def _column(rows: bytes, at: int) -> "array[int]":
    """Four bytes of each row, turned around, as integers."""
    turned = bytearray(len(rows) // _ROW_BYTES * 4)
    for place in range(4):
        turned[3 - place :: 4] = rows[at + place :: _ROW_BYTES]
    values = array("I")
    values.frombytes(turned)
    if sys.byteorder != "little":
        values.byteswap()
    return values
