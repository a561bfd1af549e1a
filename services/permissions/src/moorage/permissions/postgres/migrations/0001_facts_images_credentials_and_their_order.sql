-- Facts, image records and credentials, and the one order of their changes (authorization.md §3.10).
-- Safe before the code that needs it: everything is new.
--
-- Elsewhere everything is known by uuid; inside, an integer alias stands for a uuid within its workspace (ws 0: no
-- workspace). Aliases of all kinds come from one sequence, are never used again, and never leave but in the stream.
--
-- Every fact table carries ver (version), ev (event id), src (source), fingerprint (of the value), at (when it was applied)
-- and disputed (two values at one version; the lower privilege is kept). Rows are never deleted: a removal is a value.
--
-- state: 1 active, 2 archived, 3 deleted, 4 transferred, 5 suspended. role: 0 none, 1 read, 2 write, 3 admin.

CREATE TABLE meta (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch integer NOT NULL,
    seq bigint NOT NULL
);
INSERT INTO meta (epoch, seq) VALUES (1, 0);

CREATE TABLE alias (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    ws integer NOT NULL,
    ext uuid NOT NULL,
    UNIQUE (ext, kind, ws)
);
CREATE INDEX alias_of_workspace ON alias (ws);

CREATE TABLE source (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('manual', 'continuous')),
    transport text NOT NULL CHECK (transport IN ('http', 'kafka')),
    mode text NOT NULL CHECK (mode IN ('event', 'poll')),
    event_source text,
    workspaces uuid[],
    types text[],
    bounds jsonb NOT NULL DEFAULT '{}',
    credential uuid,
    counter bigint NOT NULL DEFAULT 0
);

CREATE TABLE workspace (
    id integer PRIMARY KEY REFERENCES alias,
    slug text NOT NULL,
    state smallint NOT NULL,
    allow_public boolean NOT NULL DEFAULT false,
    default_push_policy text NOT NULL DEFAULT 'repository_write',
    ver bigint NOT NULL, ev text NOT NULL, src integer NOT NULL, fingerprint bigint NOT NULL,
    at timestamptz NOT NULL, disputed boolean NOT NULL DEFAULT false
);
CREATE INDEX workspace_by_slug ON workspace (slug);

CREATE TABLE project (
    id integer PRIMARY KEY REFERENCES alias,
    ws integer NOT NULL,
    key text NOT NULL,
    state smallint NOT NULL,
    ver bigint NOT NULL, ev text NOT NULL, src integer NOT NULL, fingerprint bigint NOT NULL,
    at timestamptz NOT NULL, disputed boolean NOT NULL DEFAULT false
);
CREATE INDEX project_of_workspace ON project (ws);

-- slug and project are null only for a repository we first heard of when it had been transferred away.
CREATE TABLE repository (
    id integer PRIMARY KEY REFERENCES alias,
    ws integer NOT NULL,
    ext uuid NOT NULL,
    project integer,
    slug text,
    state smallint NOT NULL,
    is_private boolean NOT NULL,
    to_workspace uuid,
    ver bigint NOT NULL, ev text NOT NULL, src integer NOT NULL, fingerprint bigint NOT NULL,
    at timestamptz NOT NULL, disputed boolean NOT NULL DEFAULT false,
    UNIQUE (ext, ws)
);
CREATE INDEX repository_by_slug ON repository (ws, slug);

CREATE TABLE environment (
    id integer PRIMARY KEY REFERENCES alias,
    ws integer NOT NULL,
    repository integer NOT NULL,
    name text NOT NULL,
    stage text NOT NULL,
    admin_only boolean NOT NULL,
    state smallint NOT NULL,
    ver bigint NOT NULL, ev text NOT NULL, src integer NOT NULL, fingerprint bigint NOT NULL,
    at timestamptz NOT NULL, disputed boolean NOT NULL DEFAULT false
);
CREATE INDEX environment_of_workspace ON environment (ws);

CREATE TABLE grp (
    id integer PRIMARY KEY REFERENCES alias,
    ws integer NOT NULL,
    slug text NOT NULL,
    incarnation bigint NOT NULL,
    external_id text,
    state smallint NOT NULL,
    ver bigint NOT NULL, ev text NOT NULL, src integer NOT NULL, fingerprint bigint NOT NULL,
    at timestamptz NOT NULL, disputed boolean NOT NULL DEFAULT false
);
CREATE INDEX grp_of_workspace ON grp (ws);

CREATE TABLE group_member (
    ws integer NOT NULL,
    usr integer NOT NULL,
    grp integer NOT NULL,
    present boolean NOT NULL,
    ver bigint NOT NULL, ev text NOT NULL, src integer NOT NULL, fingerprint bigint NOT NULL,
    at timestamptz NOT NULL, disputed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (ws, usr, grp)
);
CREATE INDEX group_member_of_group ON group_member (grp) WHERE present;

-- role: 0 none, 1 collaborator, 2 member, 3 owner.
CREATE TABLE workspace_member (
    ws integer NOT NULL,
    usr integer NOT NULL,
    role smallint NOT NULL,
    ver bigint NOT NULL, ev text NOT NULL, src integer NOT NULL, fingerprint bigint NOT NULL,
    at timestamptz NOT NULL, disputed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (ws, usr)
);

-- A grant on the workspace itself makes a group its owner (role 3).
CREATE TABLE grant_fact (
    ws integer NOT NULL,
    node integer NOT NULL,
    grantee integer NOT NULL,
    node_kind text NOT NULL,
    grantee_kind text NOT NULL,
    role smallint NOT NULL,
    ver bigint NOT NULL, ev text NOT NULL, src integer NOT NULL, fingerprint bigint NOT NULL,
    at timestamptz NOT NULL, disputed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (ws, node, grantee)
);
CREATE INDEX grant_fact_of_grantee ON grant_fact (grantee);

CREATE TABLE principal (
    id integer PRIMARY KEY REFERENCES alias,
    ext uuid NOT NULL UNIQUE,
    account text NOT NULL,
    active boolean NOT NULL,
    ver bigint NOT NULL, ev text NOT NULL, src integer NOT NULL, fingerprint bigint NOT NULL,
    at timestamptz NOT NULL, disputed boolean NOT NULL DEFAULT false
);
CREATE INDEX principal_by_account ON principal (account);

-- Credentials that Moorage issued have a digest; ver to fingerprint are null until a fact speaks of the credential.
CREATE TABLE credential (
    id integer PRIMARY KEY REFERENCES alias,
    ext uuid NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('user', 'robot', 'service')),
    usr integer,
    name text NOT NULL,
    active boolean NOT NULL,
    scopes text[] NOT NULL,
    bound_kind text,
    bound_ids uuid[] NOT NULL DEFAULT '{}',
    granted_role smallint,
    operator boolean NOT NULL DEFAULT false,
    expires timestamptz,
    digest bytea UNIQUE,
    created_at timestamptz NOT NULL,
    ver bigint, ev text, src integer, fingerprint bigint, at timestamptz,
    disputed boolean NOT NULL DEFAULT false
);
CREATE INDEX credential_of_user ON credential (usr);

CREATE VIEW credential_in_place AS
SELECT c.id, c.ext, c.kind, u.ext AS user_ext, c.name, c.active, c.scopes, c.bound_kind, c.bound_ids, c.granted_role,
       c.operator, c.expires, c.created_at, p.account, p.active AS user_active, c.digest IS NOT NULL AS issued_here
FROM credential AS c
LEFT JOIN alias AS u ON u.id = c.usr
LEFT JOIN principal AS p ON p.id = c.usr;

CREATE TABLE image (
    id integer PRIMARY KEY REFERENCES alias,
    ext uuid NOT NULL UNIQUE,
    ws integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    repository integer NOT NULL REFERENCES repository,
    visibility text NOT NULL,
    push_policy text NOT NULL,
    state text NOT NULL,
    link_gen integer NOT NULL,
    acl_seq bigint NOT NULL,
    deadline timestamptz,
    pull_grace_until timestamptz,
    detached_by text,
    consumer_repositories uuid[] NOT NULL DEFAULT '{}',
    admin_override boolean NOT NULL DEFAULT false,
    origin text NOT NULL,
    created_at timestamptz NOT NULL,
    CHECK (state <> 'detached' OR deadline IS NOT NULL)
);
CREATE UNIQUE INDEX image_by_name ON image (ws, name) WHERE state <> 'deleted';
CREATE INDEX image_of_repository ON image (repository);

-- An image with its repository (whose state is its project's where that carries no roles) and its workspace.
CREATE VIEW image_in_place AS
SELECT i.id, i.ext, i.ws, w_alias.ext AS ws_ext, w.slug AS ws_slug, i.name, i.visibility, i.push_policy, i.state,
       i.link_gen, i.acl_seq, i.deadline, i.pull_grace_until, i.detached_by, i.consumer_repositories, i.admin_override,
       i.origin, i.created_at, i.repository, r.ext AS repository_ext, r.slug AS repository_slug,
       CASE WHEN r.state IN (1, 2) AND p.state > 2 THEN p.state ELSE r.state END AS repository_state,
       p_alias.ext AS project
FROM image AS i
JOIN workspace AS w ON w.id = i.ws
JOIN alias AS w_alias ON w_alias.id = i.ws
JOIN repository AS r ON r.id = i.repository
LEFT JOIN project AS p ON p.id = r.project
LEFT JOIN alias AS p_alias ON p_alias.id = r.project;

-- One row per change, seq dense in commit order. Rows of one frame are applied by readers as one whole.
CREATE TABLE change_log (
    seq bigint PRIMARY KEY,
    frame bigint NOT NULL,
    kind smallint NOT NULL,
    ws integer NOT NULL,
    a integer NOT NULL,
    b integer NOT NULL,
    val integer NOT NULL,
    ver bigint NOT NULL,
    extra jsonb,
    ev text,
    at timestamptz NOT NULL
);

CREATE TABLE lane (
    source integer NOT NULL REFERENCES source,
    topic text NOT NULL,
    part integer NOT NULL,
    as_of timestamptz,
    pinned_since timestamptz,
    PRIMARY KEY (source, topic, part)
);

CREATE TABLE ingest_position (
    topic text NOT NULL,
    part integer NOT NULL,
    next bigint NOT NULL,
    PRIMARY KEY (topic, part)
);

CREATE TABLE dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source integer REFERENCES source,
    topic text NOT NULL,
    part integer NOT NULL,
    pos bigint NOT NULL,
    ws integer,
    key text,
    reason text NOT NULL,
    detail text NOT NULL,
    body bytea NOT NULL,
    at timestamptz NOT NULL
);

-- A dead letter that may have been a revocation holds its workspace's freshness at the time it came.
CREATE TABLE workspace_pin (
    ws integer NOT NULL,
    key text NOT NULL,
    since timestamptz NOT NULL,
    dead_letter bigint NOT NULL REFERENCES dead_letter,
    PRIMARY KEY (ws, key)
);

-- Every path by which a user has a role on a repository: the one place where paths are defined. Check takes the maximum
-- over them, explain shows them. A group or project that was never announced gives nothing yet (E1). Restrictions
-- (the repository's state, bounds, scopes) are filters after it.
CREATE FUNCTION role_path(of_ws integer, of_usr integer, of_repository integer)
RETURNS TABLE (arm text, role smallint, grp integer, node integer, ver bigint, ev text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 'owner', m.role, NULL::integer, m.ws, m.ver, m.ev
    FROM workspace_member m
    WHERE m.ws = of_ws AND m.usr = of_usr AND m.role = 3
    UNION ALL
    SELECT 'owner_group', g.role, g.grantee, g.node, g.ver, g.ev
    FROM group_member m
    JOIN grp ON grp.id = m.grp AND grp.state IN (1, 2)
    JOIN grant_fact g ON g.ws = of_ws AND g.node = of_ws AND g.grantee = m.grp
    WHERE m.ws = of_ws AND m.usr = of_usr AND m.present AND g.role = 3
    UNION ALL
    SELECT 'repository', g.role, NULL, g.node, g.ver, g.ev
    FROM grant_fact g
    WHERE g.ws = of_ws AND g.node = of_repository AND g.grantee = of_usr AND g.role > 0
    UNION ALL
    SELECT 'project', g.role, NULL, g.node, g.ver, g.ev
    FROM repository r
    JOIN project p ON p.id = r.project AND p.state IN (1, 2)
    JOIN grant_fact g ON g.ws = of_ws AND g.node = r.project AND g.grantee = of_usr
    WHERE r.id = of_repository AND g.role > 0
    UNION ALL
    SELECT 'repository_group', g.role, g.grantee, g.node, g.ver, g.ev
    FROM group_member m
    JOIN grp ON grp.id = m.grp AND grp.state IN (1, 2)
    JOIN grant_fact g ON g.ws = of_ws AND g.node = of_repository AND g.grantee = m.grp
    WHERE m.ws = of_ws AND m.usr = of_usr AND m.present AND g.role > 0
    UNION ALL
    SELECT 'project_group', g.role, g.grantee, g.node, g.ver, g.ev
    FROM repository r
    JOIN project p ON p.id = r.project AND p.state IN (1, 2)
    JOIN group_member m ON m.ws = of_ws AND m.usr = of_usr AND m.present
    JOIN grp ON grp.id = m.grp AND grp.state IN (1, 2)
    JOIN grant_fact g ON g.ws = of_ws AND g.node = r.project AND g.grantee = m.grp
    WHERE r.id = of_repository AND g.role > 0;
END;
