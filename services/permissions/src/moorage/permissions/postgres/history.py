"""What was said before, from the tables and their past: every value of what touches a principal and an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from moorage.access.role import Role
from moorage.permissions.history import About, Changed, Shift
from moorage.permissions.postgres.past import as_of, ever
from moorage.permissions.postgres.role_paths import role_paths
from moorage.runtime.statement import Connection, Statement, fetch_all


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A value and the one before it, with the names of what it is about."""

    seq: int
    at: datetime | None
    kind: str
    a: str
    b: str
    before: dict[str, Any] | None
    after: dict[str, Any]
    by: str | None
    event: str | None

    def value(self) -> Changed:
        """As the use cases know it."""
        return Changed(self.seq, self.at, self.kind, self.a, self.b, self.before, self.after, self.by, self.event)


def _values(kind: str, table: str, a: str, b: str, where: str, ev: str = "ev") -> str:
    return f"""
        SELECT '{kind}' AS kind, said.seq, said.by_whom, {ev} AS ev, {a} AS a, {b} AS b, to_jsonb(said) AS val
        FROM ({ever(table)}) AS said WHERE {where}"""  # noqa: S608 - constants


# $1 workspace, $2 image, $3 repositories, $4 user, $5 after, $6 until, $7 limit.
CHANGES: Final = Statement(
    ChangedRow,
    f"""
    WITH place AS (
        SELECT $1::int AS id UNION SELECT unnest($3::int[])
        UNION SELECT said.project FROM ({ever("repository")}) AS said WHERE said.id = ANY($3::int[])
    ), team AS (
        SELECT DISTINCT said.grp AS id FROM ({ever("group_member")}) AS said WHERE said.ws = $1 AND said.usr = $4
        INTERSECT SELECT said.grantee FROM ({ever("grant_fact")}) AS said JOIN place ON said.node = place.id
        WHERE said.ws = $1
    ), said AS (
        {_values("image", "image", "said.id", "0", "said.id = $2", "NULL")}
        UNION ALL {_values("repository", "repository", "said.id", "0", "said.id = ANY($3::int[])")}
        UNION ALL {_values("project", "project", "said.id", "0", "said.id IN (SELECT id FROM place)")}
        UNION ALL {_values("workspace", "workspace", "said.id", "0", "said.id = $1")}
        UNION ALL {_values("user", "principal", "said.id", "0", "said.id = $4")}
        UNION ALL {_values("group", "grp", "said.id", "0", "said.id IN (SELECT id FROM team)")}
        UNION ALL {_values("workspace_member", "workspace_member", "said.usr", "0", "said.ws = $1 AND said.usr = $4")}
        UNION ALL {
        _values(
            "group_member",
            "group_member",
            "said.usr",
            "said.grp",
            "said.ws = $1 AND said.usr = $4 AND said.grp IN (SELECT id FROM team)",
        )
    }
        UNION ALL {
        _values(
            "grant",
            "grant_fact",
            "said.node",
            "said.grantee",
            "said.ws = $1 AND said.node IN (SELECT id FROM place) AND (said.grantee = $4"
            " OR said.grantee IN (SELECT id FROM team))",
        )
    }
    ), changed AS (
        SELECT said.*, lag(val) OVER (PARTITION BY kind, a, b ORDER BY seq) AS former FROM said WHERE seq <= $6
    )
    SELECT changed.seq, (SELECT at FROM frame_clock WHERE frame_clock.seq >= changed.seq ORDER BY seq LIMIT 1) AS at,
           changed.kind, coalesce(a_grp.slug, a_project.key, a_repo.slug, a_user.account, a_ws.slug, '') AS a,
           coalesce(b_grp.slug, b_user.account, '') AS b,
           changed.former AS before, changed.val AS after, changed.by_whom AS by, changed.ev AS event
    FROM changed
    LEFT JOIN grp AS a_grp ON a_grp.id = changed.a
    LEFT JOIN project AS a_project ON a_project.id = changed.a
    LEFT JOIN repository AS a_repo ON a_repo.id = changed.a
    LEFT JOIN principal AS a_user ON a_user.id = changed.a
    LEFT JOIN workspace AS a_ws ON a_ws.id = changed.a
    LEFT JOIN grp AS b_grp ON b_grp.id = changed.b
    LEFT JOIN principal AS b_user ON b_user.id = changed.b
    WHERE changed.seq > $5
    ORDER BY changed.seq DESC, changed.kind LIMIT $7
    """,  # noqa: S608 - constants
)


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """A user with the strongest role then and now."""

    id: int
    ext: UUID
    account: str | None
    before: int
    after: int

    def value(self) -> Shift:
        """As the use cases know it."""
        return Shift(self.id, self.ext, self.account, Role(self.before), Role(self.after))


def _roles(repository: str) -> str:
    return f"""
        SELECT path.usr, max(path.role)::int AS role FROM ({role_paths("$1", repository)}) AS path
        JOIN principal AS p ON p.id = path.usr AND p.active
        WHERE {repository}::int IS NOT NULL GROUP BY path.usr"""  # noqa: S608 - constants


# Everybody's roles twice, and only what differs leaves the database: most images are reached by very many.
SHIFTS: Final = Statement(
    ShiftRow,
    f"""
    SELECT u.id, u.ext, person.account, coalesce(old.role, 0) AS before, coalesce(new.role, 0) AS after
    FROM ({as_of(_roles("$2"), 4)}) AS old
    FULL JOIN ({as_of(_roles("$3"), 5)}) AS new USING (usr)
    JOIN alias AS u ON u.id = usr
    LEFT JOIN principal AS person ON person.id = usr
    WHERE old.role IS DISTINCT FROM new.role AND ($6::uuid IS NULL OR u.ext > $6) ORDER BY u.ext LIMIT $7
    """,  # noqa: S608 - constants
)


class PostgresHistory:
    """The past up to one position."""

    def __init__(self, connection: Connection, until: int) -> None:
        self._connection = connection
        self._until = until

    async def changes(self, about: About, after: int, limit: int) -> Sequence[Changed]:
        """Changes after a seq, newest first."""
        asked = (about.workspace, about.image, list(about.repositories), about.user)
        found = await fetch_all(self._connection, CHANGES, *asked, after, self._until, limit)
        return [row.value() for row in found]

    async def shifts(
        self, workspace: int, former: int | None, since: int, current: int | None, after: UUID | None, limit: int
    ) -> Sequence[Shift]:
        """Users by id, after one."""
        asked = (workspace, former, current, since, self._until, after, limit)
        return [row.value() for row in await fetch_all(self._connection, SHIFTS, *asked)]
