"""Statements for users and credentials."""

from typing import Final

from moorage.permissions.postgres.held_row import HeldRow
from moorage.permissions.postgres.since import stamped
from moorage.runtime.statement import Statement

HELD_USER: Final = Statement(
    HeldRow,
    """
    SELECT 0 AS ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, t.active::int AS rank
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) JOIN principal AS t ON t.id = k.a
    """,
)
PUT_USER: Final = Statement(
    type(None),
    f"""
    INSERT INTO principal (id, ext, account, active, ver, ev, fingerprint, src, at, seq, by_whom)
    SELECT id, ext, account, active, ver, ev, fingerprint, $4, $5, $6, by_whom
    FROM unnest($1::text::bigint[], string_to_array($2::text, chr(1), chr(2)), $3::text::bigint[],
                string_to_array($7::text, chr(1), chr(2)),
                $8::text::int[], $9::uuid[], string_to_array($10::text, chr(1), chr(2)), $11::text::boolean[])
        AS new (ver, ev, fingerprint, by_whom, id, ext, account, active)
    ON CONFLICT (id) DO UPDATE SET
        account = excluded.account, active = excluded.active,
        {stamped("principal")}, disputed = false
    """,  # noqa: S608 - constants
)
DISPUTE_USER: Final = Statement(
    type(None),
    """
    UPDATE principal AS t SET disputed = true
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)

# A revocation made here is no word of the source: what that one has said last does not wait for anything (§2.1).
HELD_CREDENTIAL: Final = Statement(
    HeldRow,
    """
    SELECT 0 AS ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, (t.active OR t.revoked_here)::int AS rank
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) JOIN credential AS t ON t.id = k.a
    WHERE t.ver IS NOT NULL
    """,
)
# A fact can end a credential that Moorage issued, and nothing else; what was revoked here stays so (§2.1).
PUT_CREDENTIAL: Final = Statement(
    type(None),
    f"""
    INSERT INTO credential (id, ext, kind, usr, name, active, scopes, bound_kind, bound_ids, expires, created_at,
                            ver, ev, fingerprint, src, at, seq, by_whom)
    SELECT id, ext, 'user', usr, '', active, string_to_array(scopes, ' '), bound_kind, array_remove(ARRAY[bound], NULL),
           expires, $5, ver, ev, fingerprint, $4, $5, $6, by_whom
    FROM unnest($1::text::bigint[], string_to_array($2::text, chr(1), chr(2)), $3::text::bigint[],
                string_to_array($7::text, chr(1), chr(2)),
                $8::int[], $9::uuid[], $10::int[], $11::boolean[], $12::text[],
                $13::text[], $14::uuid[], $15::timestamptz[])
        AS new (ver, ev, fingerprint, by_whom, id, ext, usr, active, scopes, bound_kind, bound, expires)
    ON CONFLICT (id) DO UPDATE SET
        active = excluded.active AND NOT credential.revoked_here AND (credential.digest IS NULL OR credential.active),
        usr = CASE WHEN credential.digest IS NULL THEN excluded.usr ELSE credential.usr END,
        scopes = CASE WHEN credential.digest IS NULL THEN excluded.scopes ELSE credential.scopes END,
        bound_kind = CASE WHEN credential.digest IS NULL THEN excluded.bound_kind ELSE credential.bound_kind END,
        bound_ids = CASE WHEN credential.digest IS NULL THEN excluded.bound_ids ELSE credential.bound_ids END,
        expires = CASE WHEN credential.digest IS NULL THEN excluded.expires ELSE credential.expires END,
        {stamped("credential")}, disputed = false
    """,  # noqa: S608 - constants
)
DISPUTE_CREDENTIAL: Final = Statement(
    type(None),
    """
    UPDATE credential AS t SET disputed = true
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)
