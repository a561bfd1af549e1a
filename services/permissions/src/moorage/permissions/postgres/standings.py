"""What facts say of a principal, computed at head: the maximum over paths, which explain shows as well (§1.4)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access.principal import Principal, PrincipalKind
from moorage.access.role import Membership, Role
from moorage.permissions.paths import PathFacts, path_of
from moorage.permissions.postgres.role_paths import NAMES_ON_PATHS, PATH_IN_WORDS, role_paths
from moorage.permissions.records import Path, WorkspaceStanding
from moorage.runtime.statement import Connection, Statement, fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class StandingRow:
    """Whether a user and a credential are active (one that no fact speaks of is null), and the strongest paths."""

    principal: bool | None
    credential: bool | None
    membership: int
    repositories: list[int]
    roles: list[int]


# A user counts from the fact that announces it (E1). A credential must be known: at head there is no later row to come.
STANDING: Final = Statement(
    StandingRow,
    f"""
    SELECT (SELECT active FROM principal WHERE ext = $1) AS principal,
           (SELECT active AND (expires IS NULL OR expires > coalesce($4, now()))
            FROM credential WHERE ext = $2) AS credential,
           greatest(
               (SELECT role FROM workspace_member AS m JOIN alias ON alias.id = m.usr
                WHERE alias.ext = $1 AND alias.kind = 'user' AND alias.ws = 0 AND m.ws = $3),
               (SELECT max(g.role)
                FROM alias JOIN group_member AS m ON m.ws = $3 AND m.usr = alias.id AND m.present
                JOIN grp ON grp.id = m.grp AND grp.state IN (1, 2)
                JOIN grant_fact AS g ON g.ws = $3 AND g.node = $3 AND g.grantee = m.grp
                WHERE alias.ext = $1 AND alias.kind = 'user' AND alias.ws = 0),
               0)::int AS membership,
           held.repositories, held.roles
    FROM (
        SELECT coalesce(array_agg(best.repository), '{{}}') AS repositories,
               coalesce(array_agg(best.role), '{{}}') AS roles
        FROM (
            SELECT wanted.id AS repository, max(path.role)::int AS role
            FROM alias, unnest($5::int[]) AS wanted (id),
                 LATERAL ({role_paths("$3", "wanted.id", "= alias.id")}) AS path
            WHERE alias.ext = $1 AND alias.kind = 'user' AND alias.ws = 0
            GROUP BY wanted.id
        ) AS best
    ) AS held
    """,  # noqa: S608 - constants
)
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


@dataclass(frozen=True, slots=True)
class PipelineRow:
    """A pipeline's own repository, and whether it is there."""

    repository: int
    live: bool


PIPELINE: Final = Statement(
    PipelineRow,
    """
    SELECT r.id AS repository, r.state IN (1, 2) AND coalesce(p.state, 1) IN (1, 2) AS live
    FROM repository AS r LEFT JOIN project AS p ON p.id = r.project WHERE r.ws = $1 AND r.ext = $2
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
        # A pipeline's credential is derived from its step: it is kept only once it has been revoked.
        vouched = credential is None or principal.kind is PrincipalKind.PIPELINE
        active = vouched if known.credential is None else known.credential
        if principal.kind is PrincipalKind.PIPELINE:
            return await self._pipeline(principal, workspace, active)
        roles = dict(zip(known.repositories, map(Role, known.roles), strict=True))
        counts = known.principal is True or principal.kind is not PrincipalKind.USER
        return WorkspaceStanding(Membership(known.membership), counts, active, roles)

    async def _pipeline(self, principal: Principal, workspace: int, active: bool) -> WorkspaceStanding:
        own = await fetch_one(self._connection, PIPELINE, workspace, principal.id)
        membership = Membership.MEMBER if own and own.live else Membership.NONE
        return WorkspaceStanding(membership, True, active, {own.repository: Role.READ} if own else {})

    async def paths(self, principal: Principal, workspace: int, repository: int) -> Sequence[Path]:
        """Every path, strongest first."""
        if principal.kind is not PrincipalKind.USER:
            return []
        found = await fetch_all(self._connection, PATHS, workspace, principal.id, repository)
        return [path_of(row) for row in found]
