"""Statements for workspaces, projects, repositories, environments and groups."""

from typing import Final

from moorage.permissions.postgres.held_row import HeldRow
from moorage.runtime.statement import Statement

HELD_WORKSPACE: Final = Statement(
    HeldRow,
    """
    SELECT 0 AS ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, (6 - t.state)::int AS rank
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) JOIN workspace AS t ON t.id = k.a
    """,
)
PUT_WORKSPACE: Final = Statement(
    type(None),
    """
    INSERT INTO workspace (id, slug, state, ver, ev, fingerprint, src, at)
    SELECT id, slug, state, ver, ev, fingerprint, $4, $5
    FROM unnest($1::bigint[], $2::text[], $3::bigint[],
                $6::int[], $7::text[], $8::smallint[])
        AS new (ver, ev, fingerprint, id, slug, state)
    ON CONFLICT (id) DO UPDATE SET
        slug = excluded.slug, state = excluded.state, ver = excluded.ver, ev = excluded.ev,
        fingerprint = excluded.fingerprint, src = excluded.src, at = excluded.at, disputed = false
    """,
)
DISPUTE_WORKSPACE: Final = Statement(
    type(None),
    """
    UPDATE workspace AS t SET disputed = true
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)

HELD_PROJECT: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, (6 - t.state)::int AS rank
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) JOIN project AS t ON t.id = k.a
    """,
)
PUT_PROJECT: Final = Statement(
    type(None),
    """
    INSERT INTO project (ws, id, key, state, ver, ev, fingerprint, src, at)
    SELECT ws, id, key, state, ver, ev, fingerprint, $4, $5
    FROM unnest($1::bigint[], $2::text[], $3::bigint[],
                $6::int[], $7::int[], $8::text[], $9::smallint[])
        AS new (ver, ev, fingerprint, ws, id, key, state)
    ON CONFLICT (id) DO UPDATE SET
        key = excluded.key, state = excluded.state, ver = excluded.ver, ev = excluded.ev,
        fingerprint = excluded.fingerprint, src = excluded.src, at = excluded.at, disputed = false
    """,
)
DISPUTE_PROJECT: Final = Statement(
    type(None),
    """
    UPDATE project AS t SET disputed = true
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)

HELD_REPOSITORY: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, (6 - t.state)::int AS rank
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) JOIN repository AS t ON t.id = k.a
    """,
)
PUT_REPOSITORY: Final = Statement(
    type(None),
    """
    INSERT INTO repository (ws, id, ext, project, slug, state, is_private, to_workspace, ver, ev, fingerprint, src, at)
    SELECT ws, id, ext, project, slug, state, is_private, to_workspace, ver, ev, fingerprint, $4, $5
    FROM unnest($1::bigint[], $2::text[], $3::bigint[],
                $6::int[], $7::int[], $8::uuid[], $9::int[], $10::text[], $11::smallint[], $12::boolean[], $13::uuid[])
        AS new (ver, ev, fingerprint, ws, id, ext, project, slug, state, is_private, to_workspace)
    ON CONFLICT (id) DO UPDATE SET
        project = coalesce(excluded.project, repository.project), slug = coalesce(excluded.slug, repository.slug),
        state = excluded.state, is_private = excluded.is_private, to_workspace = excluded.to_workspace,
        ver = excluded.ver, ev = excluded.ev, fingerprint = excluded.fingerprint, src = excluded.src,
        at = excluded.at, disputed = false
    """,
)
DISPUTE_REPOSITORY: Final = Statement(
    type(None),
    """
    UPDATE repository AS t SET disputed = true
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)

HELD_ENVIRONMENT: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, (6 - t.state)::int AS rank
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) JOIN environment AS t ON t.id = k.a
    """,
)
PUT_ENVIRONMENT: Final = Statement(
    type(None),
    """
    INSERT INTO environment (ws, id, repository, name, stage, admin_only, state, ver, ev, fingerprint, src, at)
    SELECT ws, id, repository, name, stage, admin_only, state, ver, ev, fingerprint, $4, $5
    FROM unnest($1::bigint[], $2::text[], $3::bigint[],
                $6::int[], $7::int[], $8::int[], $9::text[], $10::text[], $11::boolean[], $12::smallint[])
        AS new (ver, ev, fingerprint, ws, id, repository, name, stage, admin_only, state)
    ON CONFLICT (id) DO UPDATE SET
        repository = excluded.repository, name = excluded.name, stage = excluded.stage,
        admin_only = excluded.admin_only, state = excluded.state, ver = excluded.ver, ev = excluded.ev,
        fingerprint = excluded.fingerprint, src = excluded.src, at = excluded.at, disputed = false
    """,
)
DISPUTE_ENVIRONMENT: Final = Statement(
    type(None),
    """
    UPDATE environment AS t SET disputed = true
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)

HELD_GROUP: Final = Statement(
    HeldRow,
    """
    SELECT t.ws, t.id AS a, 0 AS b, t.ver, t.fingerprint, (6 - t.state)::int AS rank
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) JOIN grp AS t ON t.id = k.a
    """,
)
PUT_GROUP: Final = Statement(
    type(None),
    """
    INSERT INTO grp (ws, id, slug, incarnation, external_id, state, ver, ev, fingerprint, src, at)
    SELECT ws, id, slug, incarnation, external_id, state, ver, ev, fingerprint, $4, $5
    FROM unnest($1::bigint[], $2::text[], $3::bigint[],
                $6::int[], $7::int[], $8::text[], $9::bigint[], $10::text[], $11::smallint[])
        AS new (ver, ev, fingerprint, ws, id, slug, incarnation, external_id, state)
    ON CONFLICT (id) DO UPDATE SET
        slug = excluded.slug, incarnation = excluded.incarnation, external_id = excluded.external_id,
        state = excluded.state, ver = excluded.ver, ev = excluded.ev, fingerprint = excluded.fingerprint,
        src = excluded.src, at = excluded.at, disputed = false
    """,
)
DISPUTE_GROUP: Final = Statement(
    type(None),
    """
    UPDATE grp AS t SET disputed = true
    FROM unnest($1::int[], $2::int[], $3::int[]) AS k (ws, a, b) WHERE t.id = k.a
    """,
)
