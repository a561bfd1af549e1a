"""Statements for group members, workspace members and grants."""

from typing import Final

from moorage.permissions.postgres.held_row import HeldRow
from moorage.runtime.statement import Statement

HELD_GROUP_MEMBER: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.usr AS a, t.grp AS b, t.ver, t.fingerprint, t.present::int AS rank
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b)
    JOIN group_member AS t ON t.ws = k.ws AND t.usr = k.a AND t.grp = k.b
    """,
)
PUT_GROUP_MEMBER: Final = Statement(
    type(None),
    """
    INSERT INTO group_member (ws, usr, grp, present, ver, ev, fingerprint, src, at)
    SELECT ws, usr, grp, present, ver, ev, fingerprint, $4, $5
    FROM unnest($1::bigint[], $2::text[], $3::bigint[],
                $6::int[], $7::int[], $8::int[], $9::boolean[])
        AS new (ver, ev, fingerprint, ws, usr, grp, present)
    ON CONFLICT (ws, usr, grp) DO UPDATE SET
        present = excluded.present, ver = excluded.ver, ev = excluded.ev, fingerprint = excluded.fingerprint,
        src = excluded.src, at = excluded.at, disputed = false
    """,
)
DISPUTE_GROUP_MEMBER: Final = Statement(
    type(None),
    """
    UPDATE group_member AS t SET disputed = true
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) WHERE t.ws = k.ws AND t.usr = k.a AND t.grp = k.b
    """,
)

HELD_WORKSPACE_MEMBER: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.usr AS a, 0 AS b, t.ver, t.fingerprint, t.role::int AS rank
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b)
    JOIN workspace_member AS t ON t.ws = k.ws AND t.usr = k.a
    """,
)
PUT_WORKSPACE_MEMBER: Final = Statement(
    type(None),
    """
    INSERT INTO workspace_member (ws, usr, role, ver, ev, fingerprint, src, at)
    SELECT ws, usr, role, ver, ev, fingerprint, $4, $5
    FROM unnest($1::bigint[], $2::text[], $3::bigint[],
                $6::int[], $7::int[], $8::smallint[])
        AS new (ver, ev, fingerprint, ws, usr, role)
    ON CONFLICT (ws, usr) DO UPDATE SET
        role = excluded.role, ver = excluded.ver, ev = excluded.ev, fingerprint = excluded.fingerprint,
        src = excluded.src, at = excluded.at, disputed = false
    """,
)
DISPUTE_WORKSPACE_MEMBER: Final = Statement(
    type(None),
    """
    UPDATE workspace_member AS t SET disputed = true
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) WHERE t.ws = k.ws AND t.usr = k.a
    """,
)

HELD_GRANT: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.node AS a, t.grantee AS b, t.ver, t.fingerprint, t.role::int AS rank
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b)
    JOIN grant_fact AS t ON t.ws = k.ws AND t.node = k.a AND t.grantee = k.b
    """,
)
PUT_GRANT: Final = Statement(
    type(None),
    """
    INSERT INTO grant_fact (ws, node, grantee, node_kind, grantee_kind, role, ver, ev, fingerprint, src, at)
    SELECT ws, node, grantee, node_kind, grantee_kind, role, ver, ev, fingerprint, $4, $5
    FROM unnest($1::bigint[], $2::text[], $3::bigint[],
                $6::int[], $7::int[], $8::int[], $9::text[], $10::text[], $11::smallint[])
        AS new (ver, ev, fingerprint, ws, node, grantee, node_kind, grantee_kind, role)
    ON CONFLICT (ws, node, grantee) DO UPDATE SET
        node_kind = excluded.node_kind, grantee_kind = excluded.grantee_kind, role = excluded.role,
        ver = excluded.ver, ev = excluded.ev, fingerprint = excluded.fingerprint, src = excluded.src,
        at = excluded.at, disputed = false
    """,
)
DISPUTE_GRANT: Final = Statement(
    type(None),
    """
    UPDATE grant_fact AS t SET disputed = true
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) WHERE t.ws = k.ws AND t.node = k.a AND t.grantee = k.b
    """,
)
