"""Where a reach leads to: from what speaks of somebody to what it opens, never through all that there is."""

from collections.abc import Sequence
from typing import Final

from moorage.permissions.postgres.images import IN_PLACE, PAGE, ImageRow
from moorage.permissions.reach import Opened, Reach
from moorage.permissions.records import Image, Workspace
from moorage.runtime.statement import Connection, Statement, fetch_all

WORKSPACES: Final = Statement(
    str,
    """
    SELECT DISTINCT w.slug COLLATE "C" AS slug
    FROM workspace AS w LEFT JOIN alias AS u ON u.ext = $1 AND u.kind = 'user' AND u.ws = 0
    WHERE w.slug COLLATE "C" >= $3 AND (
        (w.allow_public AND EXISTS (SELECT FROM image AS i
                                    WHERE i.ws = w.id AND i.visibility = 'public' AND i.state <> 'deleted'))
        OR EXISTS (SELECT FROM workspace_member AS m WHERE m.ws = w.id AND m.usr = u.id AND m.role > 0)
        OR EXISTS (SELECT FROM group_member AS m WHERE m.ws = w.id AND m.usr = u.id AND m.present)
        OR EXISTS (SELECT FROM grant_fact AS g WHERE g.ws = w.id AND g.grantee = u.id AND g.role > 0)
        OR w.id IN (SELECT CASE WHEN a.ws = 0 THEN a.id ELSE a.ws END FROM alias AS a WHERE a.ext = ANY($2::uuid[]))
    )
    ORDER BY slug LIMIT $4
    """,
)
# What roles open is gathered before it is sorted, lest it be looked for among all names of the workspace.
OPEN: Final = Statement(
    ImageRow,
    f"""
    WITH node AS MATERIALIZED (
        SELECT g.node AS id FROM alias AS u JOIN grant_fact AS g ON g.grantee = u.id AND g.ws = $1 AND g.role > 0
        WHERE u.ext = $4 AND u.kind = 'user' AND u.ws = 0
        UNION
        SELECT g.node FROM alias AS u
        JOIN group_member AS m ON m.ws = $1 AND m.usr = u.id AND m.present
        JOIN grant_fact AS g ON g.grantee = m.grp AND g.ws = $1 AND g.role > 0
        WHERE u.ext = $4 AND u.kind = 'user' AND u.ws = 0
        UNION
        SELECT a.id FROM alias AS a WHERE a.ext = ANY($5::uuid[]) AND a.ws = $1
    ), reached AS MATERIALIZED (
        SELECT r.id FROM node JOIN repository AS r ON r.id = node.id WHERE r.ws = $1
        UNION
        SELECT r.id FROM node JOIN repository AS r ON r.project = node.id WHERE r.ws = $1
    ), linked AS MATERIALIZED (
        SELECT i.id FROM reached JOIN image AS i ON i.repository = reached.id
        WHERE i.ws = $1 AND i.name > $2 AND i.state <> 'deleted' ORDER BY i.name LIMIT $3
    )
    {IN_PLACE} WHERE i.id IN (
        SELECT id FROM linked
        UNION
        SELECT shown.id FROM unnest($6::text[]) AS wanted (visibility), LATERAL (
            SELECT each.id FROM image AS each
            WHERE each.ws = $1 AND each.visibility = wanted.visibility AND each.visibility <> 'inherit'
            AND each.name > $2 AND each.state <> 'deleted' ORDER BY each.name LIMIT $3
        ) AS shown
        UNION (
            SELECT each.id FROM image AS each
            WHERE each.ws = $1 AND each.consumer_repositories @> ARRAY[$7::uuid]
            AND each.consumer_repositories <> '{{}}' AND each.name > $2 AND each.state <> 'deleted'
            ORDER BY each.name LIMIT $3
        )
        UNION
        SELECT each.id FROM image AS each
        WHERE each.ext = ANY($5::uuid[]) AND each.ws = $1 AND each.name > $2 AND each.state <> 'deleted'
    )
    ORDER BY i.name LIMIT $3
    """,  # noqa: S608 - constants
)


class PostgresReachable:
    """See Reachable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def workspaces(self, reach: Reach, start: str, limit: int) -> Sequence[str]:
        """Names of workspaces in which something may be open."""
        return await fetch_all(self._connection, WORKSPACES, reach.user, list(reach.nodes), start, limit)

    async def images(
        self, workspace: Workspace, reach: Reach, opened: Opened, after: str, limit: int
    ) -> Sequence[Image]:
        """Records that may be open."""
        place = (workspace.alias, after, limit)
        if opened.all:
            found = await fetch_all(self._connection, PAGE, *place)
        else:
            seen = [each.value for each in opened.visibilities]
            who = (reach.user, list(reach.nodes), seen, reach.consumer)
            found = await fetch_all(self._connection, OPEN, *place, *who)
        return [row.value() for row in found]
