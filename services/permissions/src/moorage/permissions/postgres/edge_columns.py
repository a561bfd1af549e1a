"""Statements for many edges of one workspace and kind: what is new is inserted, what was there is updated.

Whoever has the turn knows what was there, so no insert has to look for conflicts. Places are looked up one by one
(OFFSET 0): a plan that was made while a table was small, or without statistics, would read all of it.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from moorage.permissions.slots import Table
from moorage.runtime.statement import Statement


class HeldEdge(NamedTuple):
    """What is stored of an edge, and where: until somebody changes the row, it is found there at once."""

    a: int
    b: int
    ver: int
    fingerprint: int
    rank: int
    place: str


# $1 workspace, $2 and $3 ends, $4 values, $5 versions, $6 events, $7 authors, $8 source, $9 time, $10 frame;
# of grants also the kinds of both ends: $11 and $12.
_NEW: Final = """unnest($2::text::int[], $3::text::int[], $4::text::smallint[], $5::text::bigint[],
               string_to_array($6::text, chr(1), chr(2)), string_to_array($7::text, chr(1), chr(2)))
        AS new (a, b, rank, ver, ev, by_whom)"""
_STAMPS: Final = "ver, ev, fingerprint, src, at, seq, by_whom"
_STAMPED: Final = "ver, ev, rank, $8, $9, $10, by_whom"
# $1 places, $2 values, $3 versions, $4 events, $5 authors, $6 source, $7 time, $8 frame.
_RESTAMPED: Final = """ver = new.ver, fingerprint = new.rank, src = $6, disputed = false,
        ev = CASE WHEN old.fingerprint = new.rank THEN old.ev ELSE new.ev END,
        by_whom = CASE WHEN old.fingerprint = new.rank THEN old.by_whom ELSE new.by_whom END,
        at = CASE WHEN old.fingerprint = new.rank THEN old.at ELSE $7 END,
        seq = CASE WHEN old.fingerprint = new.rank THEN old.seq ELSE $8 END"""


def _held(table: str, a: str, b: str, rank: str) -> Statement[HeldEdge]:
    second = f"AND t.{b} = k.b" if b else ""
    return Statement(
        HeldEdge,
        f"""
        SELECT k.a, k.b, t.ver, t.fingerprint, t.{rank}::int AS rank, t.place::text AS place
        FROM unnest($2::text::int[], $3::text::int[]) AS k (a, b),
             LATERAL (SELECT t.*, t.ctid AS place FROM {table} AS t
                      WHERE t.ws = $1 AND t.{a} = k.a {second} OFFSET 0) AS t
        """,  # noqa: S608 - constants of this module
    )


def _add(table: str, columns: str, values: str) -> Statement[None]:
    return Statement(
        type(None),
        f"INSERT INTO {table} (ws, {columns}, {_STAMPS}) SELECT $1, {values}, {_STAMPED} FROM {_NEW}",  # noqa: S608 - as above
    )


def _change(table: str, sets: str) -> Statement[None]:
    return Statement(
        type(None),
        f"""
        UPDATE {table} AS old SET {sets}, {_RESTAMPED}
        FROM unnest(string_to_array($1::text, chr(1))::tid[], $2::text::smallint[], $3::text::bigint[],
               string_to_array($4::text, chr(1), chr(2)), string_to_array($5::text, chr(1), chr(2)))
            AS new (place, rank, ver, ev, by_whom)
        WHERE old.ctid = new.place
        """,  # noqa: S608 - as above
    )


HELD_GROUP_MEMBERS: Final = _held("group_member", "usr", "grp", "present")
HELD_WORKSPACE_MEMBERS: Final = _held("workspace_member", "usr", "", "role")
HELD_GRANTS: Final = _held("grant_fact", "node", "grantee", "role")
ADD_GROUP_MEMBERS: Final = _add("group_member", "usr, grp, present", "a, b, rank = 1")
ADD_WORKSPACE_MEMBERS: Final = _add("workspace_member", "usr, role", "a, rank")
ADD_GRANTS: Final = _add("grant_fact", "node, grantee, role, node_kind, grantee_kind", "a, b, rank, $11, $12")
CHANGE_GROUP_MEMBERS: Final = _change("group_member", "present = new.rank = 1")
CHANGE_WORKSPACE_MEMBERS: Final = _change("workspace_member", "role = new.rank")
CHANGE_GRANTS: Final = _change("grant_fact", "role = new.rank")

HELD_EDGES: Final[Mapping[Table, Statement[HeldEdge]]] = {
    Table.GROUP_MEMBER: HELD_GROUP_MEMBERS,
    Table.WORKSPACE_MEMBER: HELD_WORKSPACE_MEMBERS,
    Table.GRANT: HELD_GRANTS,
}
ADD_EDGES: Final[Mapping[Table, Statement[None]]] = {
    Table.GROUP_MEMBER: ADD_GROUP_MEMBERS,
    Table.WORKSPACE_MEMBER: ADD_WORKSPACE_MEMBERS,
    Table.GRANT: ADD_GRANTS,
}
CHANGE_EDGES: Final[Mapping[Table, Statement[None]]] = {
    Table.GROUP_MEMBER: CHANGE_GROUP_MEMBERS,
    Table.WORKSPACE_MEMBER: CHANGE_WORKSPACE_MEMBERS,
    Table.GRANT: CHANGE_GRANTS,
}
