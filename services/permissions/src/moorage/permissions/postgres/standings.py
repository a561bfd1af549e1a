"""What facts say of a principal, computed at head: the maximum over paths, which explain shows as well (§1.4)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access.principal import Principal, PrincipalKind
from moorage.access.role import Membership, Role
from moorage.permissions.paths import PathFacts, path_of
from moorage.permissions.postgres.hierarchy import REPOSITORY_BY_ID
from moorage.permissions.postgres.role_paths import NAMES_ON_PATHS, PATH_IN_WORDS, role_paths
from moorage.permissions.records import Path, Repository, WorkspaceStanding
from moorage.runtime.statement import Connection, Statement, fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class StandingRow:
    """Whether a user and a credential are active (one that no fact speaks of is null), and the strongest paths."""

    principal: bool | None
    credential: bool | None
    membership: int
    repositories: list[int]
    roles: list[int]

    def value(self, principal: Principal, credential: UUID | None, own: Repository | None) -> WorkspaceStanding:
        """As the use cases know it; a pipeline stands as its `own` repository does."""
        # A pipeline's credential is derived from its step: it is kept only once it has been revoked.
        vouched = credential is None or principal.kind is PrincipalKind.PIPELINE
        active = vouched if self.credential is None else self.credential
        if principal.kind is PrincipalKind.PIPELINE:
            membership = Membership.MEMBER if own and own.state.carries_roles else Membership.NONE
            return WorkspaceStanding(membership, True, active, {own.alias: Role.READ} if own else {})
        roles = dict(zip(self.repositories, map(Role, self.roles), strict=True))
        counts = self.principal is True or principal.kind is not PrincipalKind.USER
        return WorkspaceStanding(Membership(self.membership), counts, active, roles)


def standing_of(user: str, credential: str, ws: str, moment: str, repositories: str) -> str:
    """A query for what facts say of a user and a credential in a workspace; the arguments are SQL."""
    # A user counts from the fact that announces it (E1). A credential must be known: at head no later row is to come.
    return f"""
    SELECT (SELECT active FROM principal WHERE ext = {user}) AS principal,
           (SELECT active AND (expires IS NULL OR expires > coalesce({moment}, now()))
            FROM credential WHERE ext = {credential}) AS credential,
           greatest(
               (SELECT role FROM workspace_member AS m JOIN alias ON alias.id = m.usr
                WHERE alias.ext = {user} AND alias.kind = 'user' AND alias.ws = 0 AND m.ws = {ws}),
               (SELECT max(g.role)
                FROM alias JOIN group_member AS m ON m.ws = {ws} AND m.usr = alias.id AND m.present
                JOIN grp ON grp.id = m.grp AND grp.state IN (1, 2)
                JOIN grant_fact AS g ON g.ws = {ws} AND g.node = {ws} AND g.grantee = m.grp
                WHERE alias.ext = {user} AND alias.kind = 'user' AND alias.ws = 0),
               0)::int AS membership,
           held.repositories, held.roles
    FROM (
        SELECT coalesce(array_agg(best.repository), '{{}}') AS repositories,
               coalesce(array_agg(best.role), '{{}}') AS roles
        FROM (
            SELECT wanted.id AS repository, max(path.role)::int AS role
            FROM alias, unnest({repositories}) AS wanted (id),
                 LATERAL ({role_paths(ws, "wanted.id", "= alias.id")}) AS path
            WHERE alias.ext = {user} AND alias.kind = 'user' AND alias.ws = 0 AND wanted.id IS NOT NULL
            GROUP BY wanted.id
        ) AS best
    ) AS held
    """  # noqa: S608 - constants


STANDING: Final = Statement(StandingRow, standing_of("$1", "$2", "$3", "$4", "$5::int[]"))
PATHS: Final = Statement(
    PathFacts,
    f"""
    {PATH_IN_WORDS}
    FROM alias AS u
    CROSS JOIN LATERAL ({role_paths("$1", "$3", "= u.id")}) AS path
    {NAMES_ON_PATHS}
    WHERE u.ext = $2 AND u.kind = 'user' AND u.ws = 0
    ORDER BY path.role DESC, path.arm, n.ext, g.ext
    """,
)


class PostgresStandings:
    """Standings as one connection sees them."""

    def __init__(self, connection: Connection, moment: datetime | None = None) -> None:
        self._connection = connection
        self._moment = moment

    async def of(
        self, principal: Principal, credential: UUID | None, workspace: int, repositories: Collection[int]
    ) -> WorkspaceStanding:
        """Membership, activity, and roles."""
        user = principal.id if principal.kind is PrincipalKind.USER else None
        asked = (user, credential, workspace, self._moment, list(repositories))
        known = await fetch_one(self._connection, STANDING, *asked) or StandingRow(None, None, 0, [], [])
        own = None
        if principal.kind is PrincipalKind.PIPELINE:
            own = await fetch_one(self._connection, REPOSITORY_BY_ID, workspace, principal.id)
        return known.value(principal, credential, own.value() if own else None)

    async def paths(self, principal: Principal, workspace: int, repository: int) -> Sequence[Path]:
        """Every path, strongest first."""
        if principal.kind is not PrincipalKind.USER:
            return []
        found = await fetch_all(self._connection, PATHS, workspace, principal.id, repository)
        return [path_of(row) for row in found]
