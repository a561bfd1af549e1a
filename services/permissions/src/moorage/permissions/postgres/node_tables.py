"""Statements for workspaces, projects, repositories, environments and groups."""

from typing import Final

from moorage.permissions.postgres.held_row import HeldRow
from moorage.permissions.postgres.since import stamped
from moorage.runtime.statement import Statement

HELD_WORKSPACE: Final = Statement(
    HeldRow,
    """
    SELECT 0 AS ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, (6 - t.state)::int AS rank
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) JOIN workspace AS t ON t.id = k.a
    """,
)
PUT_WORKSPACE: Final = Statement(
    type(None),
    f"""
    INSERT INTO workspace (id, slug, state, ver, ev, fingerprint, src, at, seq, by_whom)
    SELECT id, slug, state, ver, ev, fingerprint, $4, $5, $6, by_whom
    FROM unnest($1::text::bigint[], string_to_array($2::text, chr(1), chr(2)), $3::text::bigint[],
                string_to_array($7::text, chr(1), chr(2)),
                $8::text::int[], string_to_array($9::text, chr(1), chr(2)), $10::text::smallint[])
        AS new (ver, ev, fingerprint, by_whom, id, slug, state)
    ON CONFLICT (id) DO UPDATE SET
        slug = excluded.slug, state = excluded.state,
        {stamped("workspace")}, disputed = false
    """,  # noqa: S608 - constants
)
DISPUTE_WORKSPACE: Final = Statement(
    type(None),
    """
    UPDATE workspace AS t SET disputed = true
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)

HELD_PROJECT: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, (6 - t.state)::int AS rank
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) JOIN project AS t ON t.id = k.a
    """,
)
PUT_PROJECT: Final = Statement(
    type(None),
    f"""
    INSERT INTO project (ws, id, key, state, ver, ev, fingerprint, src, at, seq, by_whom)
    SELECT ws, id, key, state, ver, ev, fingerprint, $4, $5, $6, by_whom
    FROM unnest($1::text::bigint[], string_to_array($2::text, chr(1), chr(2)), $3::text::bigint[],
                string_to_array($7::text, chr(1), chr(2)),
                $8::text::int[], $9::text::int[], string_to_array($10::text, chr(1), chr(2)), $11::text::smallint[])
        AS new (ver, ev, fingerprint, by_whom, ws, id, key, state)
    ON CONFLICT (id) DO UPDATE SET
        key = excluded.key, state = excluded.state,
        {stamped("project")}, disputed = false
    """,  # noqa: S608 - constants
)
DISPUTE_PROJECT: Final = Statement(
    type(None),
    """
    UPDATE project AS t SET disputed = true
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)

HELD_REPOSITORY: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, (6 - t.state)::int AS rank
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) JOIN repository AS t ON t.id = k.a
    """,
)
# One that was superseded elsewhere has another state than its fact says.
SAME_REPOSITORY: Final = "repository.fingerprint = excluded.fingerprint AND repository.state = excluded.state"
PUT_REPOSITORY: Final = Statement(
    type(None),
    f"""
    INSERT INTO repository (ws, id, ext, project, slug, state, is_private, to_workspace,
                            ver, ev, fingerprint, src, at, seq, by_whom)
    SELECT ws, id, ext, project, slug, state, is_private, to_workspace, ver, ev, fingerprint, $4, $5, $6, by_whom
    FROM unnest($1::text::bigint[], string_to_array($2::text, chr(1), chr(2)), $3::text::bigint[],
                string_to_array($7::text, chr(1), chr(2)),
                $8::text::int[], $9::text::int[], $10::uuid[], $11::text::int[],
                string_to_array($12::text, chr(1), chr(2)), $13::text::smallint[], $14::text::boolean[], $15::uuid[])
        AS new (ver, ev, fingerprint, by_whom, ws, id, ext, project, slug, state, is_private, to_workspace)
    ON CONFLICT (id) DO UPDATE SET
        project = coalesce(excluded.project, repository.project), slug = coalesce(excluded.slug, repository.slug),
        state = excluded.state, is_private = excluded.is_private, to_workspace = excluded.to_workspace,
        {stamped("repository", SAME_REPOSITORY)}, disputed = false
    """,  # noqa: S608 - constants
)
DISPUTE_REPOSITORY: Final = Statement(
    type(None),
    """
    UPDATE repository AS t SET disputed = true
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)

HELD_ENVIRONMENT: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, (6 - t.state)::int AS rank
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) JOIN environment AS t ON t.id = k.a
    """,
)
PUT_ENVIRONMENT: Final = Statement(
    type(None),
    f"""
    INSERT INTO environment (ws, id, repository, name, stage, admin_only, state,
                             ver, ev, fingerprint, src, at, seq, by_whom)
    SELECT ws, id, repository, name, stage, admin_only, state, ver, ev, fingerprint, $4, $5, $6, by_whom
    FROM unnest($1::text::bigint[], string_to_array($2::text, chr(1), chr(2)), $3::text::bigint[],
                string_to_array($7::text, chr(1), chr(2)),
                $8::text::int[], $9::text::int[], $10::text::int[], string_to_array($11::text, chr(1), chr(2)),
                $12::text::text[], $13::text::boolean[], $14::text::smallint[])
        AS new (ver, ev, fingerprint, by_whom, ws, id, repository, name, stage, admin_only, state)
    ON CONFLICT (id) DO UPDATE SET
        repository = excluded.repository, name = excluded.name, stage = excluded.stage,
        admin_only = excluded.admin_only, state = excluded.state,
        {stamped("environment")}, disputed = false
    """,  # noqa: S608 - constants
)
DISPUTE_ENVIRONMENT: Final = Statement(
    type(None),
    """
    UPDATE environment AS t SET disputed = true
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)

HELD_GROUP: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, (6 - t.state)::int AS rank
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) JOIN grp AS t ON t.id = k.a
    """,
)
PUT_GROUP: Final = Statement(
    type(None),
    f"""
    INSERT INTO grp (ws, id, slug, incarnation, external_id, state, ver, ev, fingerprint, src, at, seq, by_whom)
    SELECT ws, id, slug, incarnation, external_id, state, ver, ev, fingerprint, $4, $5, $6, by_whom
    FROM unnest($1::text::bigint[], string_to_array($2::text, chr(1), chr(2)), $3::text::bigint[],
                string_to_array($7::text, chr(1), chr(2)),
                $8::text::int[], $9::text::int[], string_to_array($10::text, chr(1), chr(2)), $11::text::bigint[],
                $12::text[], $13::text::smallint[])
        AS new (ver, ev, fingerprint, by_whom, ws, id, slug, incarnation, external_id, state)
    ON CONFLICT (id) DO UPDATE SET
        slug = excluded.slug, incarnation = excluded.incarnation, external_id = excluded.external_id,
        state = excluded.state,
        {stamped("grp")}, disputed = false
    """,  # noqa: S608 - constants
)
DISPUTE_GROUP: Final = Statement(
    type(None),
    """
    UPDATE grp AS t SET disputed = true
    FROM unnest($1::text::int[], $2::text::int[], $3::text::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)
