"""Statements for group members, workspace members and grants.

What is held is looked up slot by slot (OFFSET 0): a plan that was made while a table was small would read all of it.
"""

from typing import Final

from moorage.permissions.postgres.held_row import HeldRow
from moorage.permissions.postgres.since import stamped
from moorage.runtime.statement import Statement

HELD_GROUP_MEMBER: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.usr AS a, t.grp AS b, t.ver, t.fingerprint, t.present::int AS rank
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b),
         LATERAL (SELECT * FROM group_member AS t WHERE t.ws = k.ws AND t.usr = k.a AND t.grp = k.b OFFSET 0) AS t
    """,
)
PUT_GROUP_MEMBER: Final = Statement(
    type(None),
    f"""
    INSERT INTO group_member (ws, usr, grp, present, ver, ev, fingerprint, src, at, seq, by_whom)
    SELECT ws, usr, grp, present, ver, ev, fingerprint, $4, $5, $6, by_whom
    FROM unnest($1::text::bigint[], string_to_array($2::text, chr(1), chr(2)), $3::text::bigint[],
                string_to_array($7::text, chr(1), chr(2)),
                $8::text::int[], $9::text::int[], $10::text::int[], $11::text::boolean[])
        AS new (ver, ev, fingerprint, by_whom, ws, usr, grp, present)
    ON CONFLICT (ws, usr, grp) DO UPDATE SET
        present = excluded.present,
        {stamped("group_member")}, disputed = false
    """,  # noqa: S608 - constants
)
DISPUTE_GROUP_MEMBER: Final = Statement(
    type(None),
    """
    UPDATE group_member AS t SET disputed = true
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b)
    WHERE t.ws = k.ws AND t.usr = k.a AND t.grp = k.b
    """,
)

HELD_WORKSPACE_MEMBER: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.usr AS a, 0 AS b, t.ver, t.fingerprint, t.role::int AS rank
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b),
         LATERAL (SELECT * FROM workspace_member AS t WHERE t.ws = k.ws AND t.usr = k.a OFFSET 0) AS t
    """,
)
PUT_WORKSPACE_MEMBER: Final = Statement(
    type(None),
    f"""
    INSERT INTO workspace_member (ws, usr, role, ver, ev, fingerprint, src, at, seq, by_whom)
    SELECT ws, usr, role, ver, ev, fingerprint, $4, $5, $6, by_whom
    FROM unnest($1::text::bigint[], string_to_array($2::text, chr(1), chr(2)), $3::text::bigint[],
                string_to_array($7::text, chr(1), chr(2)),
                $8::text::int[], $9::text::int[], $10::text::smallint[])
        AS new (ver, ev, fingerprint, by_whom, ws, usr, role)
    ON CONFLICT (ws, usr) DO UPDATE SET
        role = excluded.role,
        {stamped("workspace_member")}, disputed = false
    """,  # noqa: S608 - constants
)
DISPUTE_WORKSPACE_MEMBER: Final = Statement(
    type(None),
    """
    UPDATE workspace_member AS t SET disputed = true
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) WHERE t.ws = k.ws AND t.usr = k.a
    """,
)

HELD_GRANT: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.node AS a, t.grantee AS b, t.ver, t.fingerprint, t.role::int AS rank
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b),
         LATERAL (SELECT * FROM grant_fact AS t WHERE t.ws = k.ws AND t.node = k.a AND t.grantee = k.b OFFSET 0) AS t
    """,
)
PUT_GRANT: Final = Statement(
    type(None),
    f"""
    INSERT INTO grant_fact (ws, node, grantee, node_kind, grantee_kind, role,
                            ver, ev, fingerprint, src, at, seq, by_whom)
    SELECT ws, node, grantee, node_kind, grantee_kind, role, ver, ev, fingerprint, $4, $5, $6, by_whom
    FROM unnest($1::text::bigint[], string_to_array($2::text, chr(1), chr(2)), $3::text::bigint[],
                string_to_array($7::text, chr(1), chr(2)),
                $8::text::int[], $9::text::int[], $10::text::int[], $11::text::text[], $12::text::text[],
                $13::text::smallint[])
        AS new (ver, ev, fingerprint, by_whom, ws, node, grantee, node_kind, grantee_kind, role)
    ON CONFLICT (ws, node, grantee) DO UPDATE SET
        node_kind = excluded.node_kind, grantee_kind = excluded.grantee_kind, role = excluded.role,
        {stamped("grant_fact")}, disputed = false
    """,  # noqa: S608 - constants
)
DISPUTE_GRANT: Final = Statement(
    type(None),
    """
    UPDATE grant_fact AS t SET disputed = true
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b)
    WHERE t.ws = k.ws AND t.node = k.a AND t.grantee = k.b
    """,
)
