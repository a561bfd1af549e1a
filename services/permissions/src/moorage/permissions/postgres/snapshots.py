"""Snapshots: the state of a view, packed for replicas (authorization.md §2.6)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import EntityKind, Row, RowKind
from moorage.access.packing import Packer
from moorage.permissions import rows
from moorage.permissions.postgres.hierarchy import WorkspaceRow
from moorage.permissions.postgres.images import OF_WORKSPACE
from moorage.permissions.postgres.packed_edges import sum_of, write_edges
from moorage.permissions.records import Workspace
from moorage.permissions.slots import Entity
from moorage.runtime.statement import Connection, Statement, fetch_all, fetch_each


@dataclass(frozen=True, slots=True)
class AliasRow:
    """An alias."""

    id: int
    kind: str
    ws: int
    ext: UUID


# What is packed of a workspace leaves its users to the global part, which every replica has first: finding them takes
# as long as writing all edges. As rows it stands on its own.
GLOBAL_ALIASES: Final = Statement(AliasRow, "SELECT id, kind, ws, ext FROM alias WHERE ws = 0 ORDER BY id")
ALIASES_INSIDE: Final = Statement(AliasRow, "SELECT id, kind, ws, ext FROM alias WHERE ws = $1 OR id = $1 ORDER BY id")
WORKSPACE_ALIASES: Final = Statement(
    AliasRow,
    """
    SELECT id, kind, ws, ext FROM alias WHERE ws = $1 OR id = $1
    UNION ALL
    SELECT id, kind, ws, ext FROM alias
    JOIN (
        SELECT usr AS id FROM workspace_member WHERE ws = $1
        UNION SELECT usr FROM group_member WHERE ws = $1
        UNION SELECT grantee FROM grant_fact WHERE ws = $1
    ) AS named USING (id) WHERE ws = 0
    ORDER BY id
    """,
)
WORKSPACES: Final = Statement(
    WorkspaceRow,
    """
    SELECT w.id, alias.ext, w.slug, w.state, w.allow_public, w.default_push_policy, w.default_publishers,
           w.pipeline_create, w.ver, w.src
    FROM workspace AS w JOIN alias USING (id) ORDER BY w.id
    """,
)


@dataclass(frozen=True, slots=True)
class PrincipalRow:
    """A user."""

    id: int
    account: str
    active: bool
    ver: int


PRINCIPALS: Final = Statement(PrincipalRow, "SELECT id, account, active, ver FROM principal ORDER BY id")


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A credential."""

    id: int
    usr: int
    active: bool
    expires: datetime | None
    ver: int


CREDENTIALS: Final = Statement(
    CredentialRow,
    "SELECT id, coalesce(usr, 0) AS usr, active, expires, coalesce(ver, 0) AS ver FROM credential ORDER BY id",
)


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A project, repository, environment or group."""

    kind: str
    id: int
    parent: int
    state: int
    ver: int
    slug: str


NODES: Final = Statement(
    NodeRow,
    """
    SELECT 'project' AS kind, id, 0 AS parent, state, ver, key AS slug FROM project WHERE ws = $1
    UNION ALL
    SELECT 'repository', id, coalesce(project, 0), state, ver, coalesce(slug, '') FROM repository WHERE ws = $1
    UNION ALL
    SELECT 'environment', id, repository, state, ver, name FROM environment WHERE ws = $1
    UNION ALL
    SELECT 'group', id, 0, state, ver, slug FROM grp WHERE ws = $1
    """,
)


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant that is in force."""

    node_kind: str
    node: int
    grantee_kind: str
    grantee: int
    role: int
    ver: int


GRANTS: Final = Statement(
    GrantRow,
    "SELECT node_kind, node, grantee_kind, grantee, role, ver FROM grant_fact WHERE ws = $1 AND role > 0",
)


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A user's membership in a group or in the workspace."""

    usr: int
    grp: int
    role: int
    ver: int


GROUP_MEMBERS: Final = Statement(
    MemberRow, "SELECT usr, grp, 1 AS role, ver FROM group_member WHERE ws = $1 AND present"
)
WORKSPACE_MEMBERS: Final = Statement(
    MemberRow, "SELECT usr, 0 AS grp, role, ver FROM workspace_member WHERE ws = $1 AND role > 0"
)
PINNED: Final = Statement(datetime, "SELECT min(since) FROM workspace_pin WHERE ws = $1 HAVING count(*) > 0")


class PostgresSnapshots:
    """Snapshots at the position of one view."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def rows(self, workspace: Workspace | None) -> list[Row]:
        """The rows of a workspace, or of the global part, with their versions."""
        return await (self._global_rows() if workspace is None else self._workspace_rows(workspace))

    async def packed(self, workspace: Workspace | None, at: ConsistencyToken, as_of: Mapping[str, int]) -> bytes:
        """A packed snapshot of a workspace, or of the global part, written while the database answers."""
        packer = Packer(workspace.alias if workspace else 0)
        if workspace is None:
            await self._global(packer)
        else:
            await self._workspace(workspace, packer)
        return await asyncio.to_thread(packer.finish, at.epoch, at.seq, as_of)

    async def sum(self, workspace: Workspace) -> int:
        """The sum over what `packed` tells of the workspace, counted by the database."""
        return await sum_of(self._connection, workspace.alias)

    async def _global(self, packer: Packer) -> None:
        await self._aliases(packer, GLOBAL_ALIASES)
        async for workspace in fetch_each(self._connection, WORKSPACES):
            _put(packer, rows.workspace_row(workspace.value()))
        async for user in fetch_each(self._connection, PRINCIPALS):
            _put(packer, rows.principal_row(user.id, user.account, user.active, user.ver))
        async for shown in fetch_each(self._connection, CREDENTIALS):
            _put(packer, rows.credential_row(shown.id, shown.usr, shown.active, shown.expires, shown.ver))

    async def _workspace(self, workspace: Workspace, packer: Packer) -> None:
        ws = workspace.alias
        await self._aliases(packer, ALIASES_INSIDE, ws)
        _put(packer, rows.workspace_row(workspace))
        async for node in fetch_each(self._connection, NODES, ws):
            _put(
                packer, rows.node_row(ws, node.id, node.parent, node.state, node.ver, EntityKind(node.kind), node.slug)
            )
        async for image in fetch_each(self._connection, OF_WORKSPACE, ws):
            _put(packer, rows.image_row(image.value()))
        for since in await fetch_all(self._connection, PINNED, ws):
            _put(packer, rows.pin_row(ws, since))
        await write_edges(self._connection, ws, packer)

    async def _aliases(self, packer: Packer, statement: Statement[AliasRow], *arguments: int) -> None:
        async for alias in fetch_each(self._connection, statement, *arguments):
            packer.alias(alias.id, alias.kind, alias.ext, inside=alias.ws != 0)

    async def _global_rows(self) -> list[Row]:
        aliases = await fetch_all(self._connection, GLOBAL_ALIASES)
        return [
            *(_intern(alias, None) for alias in aliases),
            *(rows.workspace_row(row.value()) for row in await fetch_all(self._connection, WORKSPACES)),
            *(
                rows.principal_row(row.id, row.account, row.active, row.ver)
                for row in await fetch_all(self._connection, PRINCIPALS)
            ),
            *(
                rows.credential_row(row.id, row.usr, row.active, row.expires, row.ver)
                for row in await fetch_all(self._connection, CREDENTIALS)
            ),
        ]

    async def _workspace_rows(self, workspace: Workspace) -> list[Row]:
        ws = workspace.alias
        aliases = await fetch_all(self._connection, WORKSPACE_ALIASES, ws)
        return [
            *(_intern(alias, workspace.id) for alias in aliases),
            rows.workspace_row(workspace),
            *(_node(ws, row) for row in await fetch_all(self._connection, NODES, ws)),
            *(_grant(ws, row) for row in await fetch_all(self._connection, GRANTS, ws)),
            *(
                rows.group_row(ws, row.usr, row.grp, True, row.ver)
                for row in await fetch_all(self._connection, GROUP_MEMBERS, ws)
            ),
            *(
                rows.membership_row(ws, row.usr, row.role, row.ver)
                for row in await fetch_all(self._connection, WORKSPACE_MEMBERS, ws)
            ),
            *(rows.image_row(row.value()) for row in await fetch_all(self._connection, OF_WORKSPACE, ws)),
            *(rows.pin_row(ws, since) for since in await fetch_all(self._connection, PINNED, ws)),
        ]


def _put(packer: Packer, row: Row) -> None:
    packer.row(RowKind(row[0]), row[2], row[3], row[4], row[6] if len(row) == 7 else None)


def _intern(alias: AliasRow, workspace: UUID | None) -> Row:
    entity = Entity(EntityKind(alias.kind), workspace if alias.ws else None, alias.ext)
    return rows.intern_row(entity, alias.id, alias.ws)


def _node(ws: int, row: NodeRow) -> Row:
    return rows.node_row(ws, row.id, row.parent, row.state, row.ver, EntityKind(row.kind), row.slug)


def _grant(ws: int, row: GrantRow) -> Row:
    return rows.grant_row(ws, row.node_kind, row.node, row.grantee_kind, row.grantee, row.role, row.ver)
