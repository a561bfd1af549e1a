"""Statements for users and credentials."""

from typing import Final

from moorage.permissions.postgres.held_row import HeldRow
from moorage.runtime.statement import Statement

HELD_USER: Final = Statement(
    HeldRow,
    """
    SELECT 0 AS ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, t.active::int AS rank
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) JOIN principal AS t ON t.id = k.a
    """,
)
PUT_USER: Final = Statement(
    type(None),
    """
    INSERT INTO principal (id, ext, account, active, ver, ev, fingerprint, src, at)
    SELECT id, ext, account, active, ver, ev, fingerprint, $4, $5
    FROM unnest($1::bigint[], $2::text[], $3::bigint[],
                $6::int[], $7::uuid[], $8::text[], $9::boolean[])
        AS new (ver, ev, fingerprint, id, ext, account, active)
    ON CONFLICT (id) DO UPDATE SET
        account = excluded.account, active = excluded.active, ver = excluded.ver, ev = excluded.ev,
        fingerprint = excluded.fingerprint, src = excluded.src, at = excluded.at, disputed = false
    """,
)
DISPUTE_USER: Final = Statement(
    type(None),
    """
    UPDATE principal AS t SET disputed = true
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)

HELD_CREDENTIAL: Final = Statement(
    HeldRow,
    """
    SELECT 0 AS ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, t.active::int AS rank
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) JOIN credential AS t ON t.id = k.a
    WHERE t.ver IS NOT NULL
    """,
)
# Of a credential that Moorage issued, a fact can say that it is revoked, and nothing else.
PUT_CREDENTIAL: Final = Statement(
    type(None),
    """
    INSERT INTO credential (id, ext, kind, usr, name, active, scopes, bound_kind, bound_ids, expires, created_at,
                            ver, ev, fingerprint, src, at)
    SELECT id, ext, 'user', usr, '', active, string_to_array(scopes, ' '), bound_kind, array_remove(ARRAY[bound], NULL),
           expires, $5, ver, ev, fingerprint, $4, $5
    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $6::int[], $7::uuid[], $8::int[], $9::boolean[], $10::text[],
                $11::text[], $12::uuid[], $13::timestamptz[])
        AS new (ver, ev, fingerprint, id, ext, usr, active, scopes, bound_kind, bound, expires)
    ON CONFLICT (id) DO UPDATE SET
        active = excluded.active AND (credential.digest IS NULL OR credential.active),
        usr = CASE WHEN credential.digest IS NULL THEN excluded.usr ELSE credential.usr END,
        scopes = CASE WHEN credential.digest IS NULL THEN excluded.scopes ELSE credential.scopes END,
        bound_kind = CASE WHEN credential.digest IS NULL THEN excluded.bound_kind ELSE credential.bound_kind END,
        bound_ids = CASE WHEN credential.digest IS NULL THEN excluded.bound_ids ELSE credential.bound_ids END,
        expires = CASE WHEN credential.digest IS NULL THEN excluded.expires ELSE credential.expires END,
        ver = excluded.ver, ev = excluded.ev, fingerprint = excluded.fingerprint, src = excluded.src, at = excluded.at,
        disputed = false
    """,
)
DISPUTE_CREDENTIAL: Final = Statement(
    type(None),
    """
    UPDATE credential AS t SET disputed = true
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)
