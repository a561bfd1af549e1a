"""Everybody's roles on repositories, from the same paths as one user's."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from moorage.access.role import Role
from moorage.permissions.history import HeldRole, Holder
from moorage.permissions.paths import PathFacts, path_of
from moorage.permissions.postgres.role_paths import NAMES_ON_PATHS, PATH_IN_WORDS, role_paths
from moorage.permissions.records import Path
from moorage.runtime.statement import Connection, Statement, fetch_all


@dataclass(frozen=True, slots=True)
class HolderRow:
    """A user with the strongest role; account and activity are null for one that was never announced."""

    id: int
    ext: UUID
    account: str | None
    active: bool | None
    role: int

    def value(self) -> Holder:
        """As the use cases know it."""
        return Holder(self.id, self.ext, self.account, self.active is True, Role(self.role))


HOLDERS: Final = Statement(
    HolderRow,
    f"""
    SELECT u.id, u.ext, p.account, p.active, held.role
    FROM (SELECT usr, max(role)::int AS role FROM ({role_paths("$1", "$2")}) AS path GROUP BY usr) AS held
    JOIN alias AS u ON u.id = held.usr
    LEFT JOIN principal AS p ON p.id = held.usr
    WHERE held.role >= $3 AND ($4::uuid IS NULL OR u.ext > $4) ORDER BY u.ext LIMIT $5
    """,  # noqa: S608 - constants
)
PATHS_OF: Final = Statement(
    PathFacts,
    f"""
    {PATH_IN_WORDS}
    FROM ({role_paths("$1", "$3", "= ANY($2::int[])")}) AS path
    JOIN alias AS u ON u.id = path.usr
    {NAMES_ON_PATHS}
    ORDER BY path.role DESC, path.arm, n.ext, g.ext
    """,
)


@dataclass(frozen=True, slots=True)
class RoleOfRow:
    """The strongest role of a user on a repository."""

    usr: int
    repository: int
    role: int

    def value(self) -> HeldRole:
        """As the use cases know it."""
        return HeldRole(self.usr, self.repository, Role(self.role))


ROLES_OF_ALL: Final = Statement(
    RoleOfRow,
    f"""
    SELECT path.usr, wanted.id AS repository, max(path.role)::int AS role
    FROM unnest($2::int[]) AS wanted (id), LATERAL ({role_paths("$1", "wanted.id")}) AS path
    GROUP BY path.usr, wanted.id LIMIT $3
    """,  # noqa: S608 - constants
)
ROLES_OF: Final = Statement(
    RoleOfRow,
    f"""
    SELECT path.usr, wanted.id AS repository, max(path.role)::int AS role
    FROM unnest($2::int[]) AS wanted (id), LATERAL ({role_paths("$1", "wanted.id", "= ANY($4::int[])")}) AS path
    GROUP BY path.usr, wanted.id LIMIT $3
    """,  # noqa: S608 - constants
)
ADMINS: Final = Statement(
    str,
    """
    SELECT coalesce('group:' || grp.slug, 'user:' || p.account) AS who
    FROM repository AS r
    JOIN (
        SELECT node, grantee FROM grant_fact WHERE ws = $1 AND role = 3
        UNION ALL SELECT ws, usr FROM workspace_member WHERE ws = $1 AND role = 3
    ) AS g ON g.node IN (r.ws, r.id, r.project)
    LEFT JOIN grp ON grp.id = g.grantee AND grp.state IN (1, 2)
    LEFT JOIN principal AS p ON p.id = g.grantee AND p.active
    WHERE r.id = $2 AND (grp.id IS NOT NULL OR p.id IS NOT NULL)
    GROUP BY who ORDER BY who LIMIT 20
    """,
)
MEMBERS: Final = Statement(int, "SELECT DISTINCT usr FROM group_member WHERE grp = ANY($1::int[]) AND present")


class PostgresHolders:
    """Everybody's roles as one connection sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(
        self, workspace: int, repository: int, minimum: Role, after: UUID | None, limit: int
    ) -> Sequence[Holder]:
        """Users by id, after one."""
        found = await fetch_all(self._connection, HOLDERS, workspace, repository, minimum, after, limit)
        return [row.value() for row in found]

    async def paths(self, workspace: int, repository: int, users: Collection[int]) -> Mapping[int, Sequence[Path]]:
        """Every path of each of these users."""
        found: dict[int, list[Path]] = defaultdict(list)
        for row in await fetch_all(self._connection, PATHS_OF, workspace, list(users), repository):
            found[row.usr_alias].append(path_of(row))
        return found

    async def roles(
        self, workspace: int, repositories: Collection[int], users: Collection[int] | None, limit: int
    ) -> Sequence[HeldRole]:
        """All roles on these repositories."""
        of_whom, statement = ((), ROLES_OF_ALL) if users is None else ((list(users),), ROLES_OF)
        found = await fetch_all(self._connection, statement, workspace, list(repositories), limit, *of_whom)
        return [row.value() for row in found]

    async def admins(self, workspace: int, repository: int) -> Sequence[str]:
        """The first of the groups and users that have ADMIN on the repository by themselves."""
        return await fetch_all(self._connection, ADMINS, workspace, repository)

    async def members(self, groups: Collection[int]) -> Sequence[int]:
        """The users in these groups."""
        return await fetch_all(self._connection, MEMBERS, list(groups))
