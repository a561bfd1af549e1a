"""Which facts a snapshot changes, and in which turn: counted as a whole, noted by stretches (authorization.md §2.6)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from moorage.permissions.reconcile.tables import MODELS
from moorage.permissions.reconcile_stores import Cursor, Run
from moorage.permissions.slots import Table
from moorage.runtime.statement import Connection, Statement, execute, fetch_one

# What equals what is stored has no turn. A project that is gone must be known to be before anything moves into it: what
# is in an unknown one lives (E1). $1 is the run, $2 its workspace, $3 its source, $4 the version it is complete up to.
# A full join is never made row by row, however little the planner knows of what was staged just now.
TURN: Final = """
    CASE WHEN s.a IS NULL THEN 1
         WHEN s.rank < f.rank AND s.parent IN (0, f.parent) THEN 2
         WHEN '{table}' = 'project' AND f.a IS NULL AND s.rank <= 3 THEN 2
         WHEN '{table}' = 'repository' THEN 3
         WHEN '{table}' IN ('project', 'environment') THEN 4
         ELSE 5 END
"""
VANISHES: Final = "f.there AND (f.ver <= $4 OR f.src <> $3)"
DIFFERS: Final = """
    CASE WHEN s.a IS NULL THEN {vanishes}
         ELSE f.a IS NULL OR f.src <> $3 OR f.disputed OR f.fingerprint <> s.fingerprint
              OR (f.ver <> s.ver AND s.ver >= 0) END
"""


def _nodes(table: str, parent: str = "0", ws: str = "ws", home: str = "ws") -> str:
    return f"""
        SELECT {ws} AS ws, id AS a, 0 AS b, ver, 6 - state AS rank, fingerprint, {parent} AS parent,
               state IN (1, 2, 5) AS there, src, disputed
        FROM {table} WHERE {home} = $2
    """  # noqa: S608 - constants


def _edges(table: str, a: str, b: str, rank: str) -> str:
    return f"""
        SELECT ws, {a} AS a, {b} AS b, ver, {rank} AS rank, fingerprint, 0 AS parent, {rank} > 0 AS there, src, disputed
        FROM {table} WHERE ws = $2
    """  # noqa: S608 - constants


# As the view stored_fact has them, without what an event would say, which is dear to put together.
STORED: Final[Mapping[Table, str]] = {
    Table.WORKSPACE: _nodes("workspace", ws="0", home="id"),
    Table.PROJECT: _nodes("project"),
    Table.REPOSITORY: _nodes("repository", parent="coalesce(project, 0)"),
    Table.ENVIRONMENT: _nodes("environment"),
    Table.GROUP: _nodes("grp"),
    Table.GROUP_MEMBER: _edges("group_member", "usr", "grp", "present::int"),
    Table.WORKSPACE_MEMBER: _edges("workspace_member", "usr", "0", "role"),
    Table.GRANT: _edges("grant_fact", "node", "grantee", "role"),
}


@dataclass(frozen=True, slots=True)
class ForeseenRow:
    """How many facts would become absent, and how many are there."""

    vanishing: int
    present: int


@dataclass(frozen=True, slots=True)
class ReachedRow:
    """The last slot of a stretch that is not the table's last."""

    a: int
    b: int


def _foresee(table: Table) -> Statement[ForeseenRow]:
    return Statement(
        ForeseenRow,
        f"""
        SELECT count(*) FILTER (WHERE there AND s.a IS NULL AND ({VANISHES}))::int AS vanishing,
               count(*) FILTER (WHERE there)::int AS present
        FROM ({STORED[table]}) AS f
        FULL JOIN (SELECT DISTINCT a, b FROM snapshot_stage WHERE run = $1 AND tab = '{table.value}') AS s
            ON s.a = f.a AND s.b = f.b
        """,  # noqa: S608 - constants
    )


def _reach(table: Table) -> Statement[ReachedRow]:
    """The nearer of where `limit` stored facts end and where `limit` staged ones do; none if neither goes so far."""
    stored = f"SELECT a, b FROM ({STORED[table]}) AS f WHERE"  # noqa: S608 - constants
    staged = f"SELECT DISTINCT a, b FROM snapshot_stage WHERE run = $1 AND tab = '{table.value}'"  # noqa: S608 - constants
    return Statement(
        ReachedRow,
        f"""
        SELECT a, b FROM (
            ({stored} (a, b) > ($3, $4) ORDER BY a, b OFFSET $5 - 1 LIMIT 1)
            UNION ALL
            ({staged} AND (a, b) > ($3, $4) ORDER BY a, b OFFSET $5 - 1 LIMIT 1)
        ) AS ends ORDER BY a, b LIMIT 1
        """,  # noqa: S608 - constants
    )


def _note(table: Table) -> Statement[None]:
    stretch = "(a, b) > ($5, $6) AND (a, b) <= ($7, $8)"
    return Statement(
        type(None),
        f"""
        INSERT INTO snapshot_turn (run, turn, tab, ws, a, b)
        SELECT $1, {TURN.format(table=table.value)}, '{table.value}',
               coalesce(s.ws, f.ws), coalesce(s.a, f.a), coalesce(s.b, f.b)
        FROM (SELECT * FROM ({STORED[table]}) AS f WHERE {stretch}) AS f
        FULL JOIN (SELECT DISTINCT ON (a, b) ws, a, b, ver, rank, fingerprint, parent FROM snapshot_stage
                   WHERE run = $1 AND tab = '{table.value}' AND {stretch} ORDER BY a, b, ver DESC) AS s
            ON s.a = f.a AND s.b = f.b
        WHERE {DIFFERS.format(vanishes=VANISHES)}
        ON CONFLICT (run, tab, a, b) DO UPDATE SET turn = excluded.turn
        """,  # noqa: S608 - constants
    )


FORESEE: Final[Mapping[Table, Statement[ForeseenRow]]] = {table: _foresee(table) for table in MODELS}
REACH: Final[Mapping[Table, Statement[ReachedRow]]] = {table: _reach(table) for table in MODELS}
NOTE: Final[Mapping[Table, Statement[None]]] = {table: _note(table) for table in MODELS}
_LAST: Final = 2**31 - 1


async def foreseen(connection: Connection, run: Run, tables: Collection[Table]) -> tuple[int, int]:
    """How many facts of these tables would become absent, and how many are there."""
    vanishing = present = 0
    for table in tables:
        row = await fetch_one(connection, FORESEE[table], run.id, run.workspace, run.source, run.as_of)
        vanishing, present = vanishing + (row.vanishing if row else 0), present + (row.present if row else 0)
    return vanishing, present


async def note(connection: Connection, run: Run, after: Cursor, limit: int) -> Cursor | None:
    """Notes the turns of a stretch; answers where it ends, None at the table's end."""
    table, a, b = after
    reached = await fetch_one(connection, REACH[table], run.id, run.workspace, a, b, limit)
    last = (reached.a, reached.b) if reached else (_LAST, _LAST)
    await execute(connection, NOTE[table], run.id, run.workspace, run.source, run.as_of, a, b, *last)
    return Cursor(table, *last) if reached else None
