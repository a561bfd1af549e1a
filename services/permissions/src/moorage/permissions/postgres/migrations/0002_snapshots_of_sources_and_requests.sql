-- What a source's snapshot needs until it is whole, what is asked of sources, and pins that can be lifted (authorization.md §2.5, §2.6).
-- Safe before the code that needs it: what is new is read by nobody else, and dead_letter only gains columns.

-- Edges have one number for a value, which is its own fingerprint; a row that still has another one counts as changed.
UPDATE group_member SET fingerprint = present::int;
UPDATE workspace_member SET fingerprint = role;
UPDATE grant_fact SET fingerprint = role;

-- Who is the authority for one kind of fact in a workspace, and what is held of it. Facts with versions up to floor are
-- settled by a snapshot. facts and checksum are those of moorage.events.checksums; they are true once counted.
CREATE TABLE authority (
    ws integer NOT NULL,
    tab text NOT NULL,
    source integer NOT NULL REFERENCES source,
    floor bigint NOT NULL DEFAULT -1,
    high bigint NOT NULL DEFAULT -1,
    facts bigint NOT NULL DEFAULT 0,
    checksum numeric NOT NULL DEFAULT 0,
    counted boolean NOT NULL DEFAULT true,
    PRIMARY KEY (ws, tab)
);
CREATE INDEX authority_uncounted ON authority (ws) WHERE NOT counted;

-- How often in a row a source's stated checksum has differed, and since when.
CREATE TABLE checksum_difference (
    ws integer NOT NULL,
    source integer NOT NULL REFERENCES source,
    times integer NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (ws, source)
);

-- Every stored fact of a workspace as one relation: its slot, what is held, and what an event would say of it.
CREATE VIEW stored_fact AS
SELECT w.id AS home, 'workspace'::text AS tab, 0 AS ws, w.id AS a, 0 AS b, w.ver, w.fingerprint, (6 - w.state)::int AS rank,
       w.state IN (1, 2, 5) AS there, w.src, w.disputed, 0 AS parent,
       jsonb_build_object('workspace', (SELECT ext FROM alias WHERE id = w.id), 'slug', w.slug, 'state', (ARRAY['active', 'archived', 'deleted', 'transferred', 'suspended'])[w.state])
       AS data
FROM workspace AS w
UNION ALL
SELECT p.ws, 'project', p.ws, p.id, 0, p.ver, p.fingerprint, 6 - p.state, p.state IN (1, 2, 5), p.src, p.disputed, 0,
       jsonb_build_object('workspace', (SELECT ext FROM alias WHERE id = p.ws), 'id', (SELECT ext FROM alias WHERE id = p.id), 'key', p.key,
                          'state', (ARRAY['active', 'archived', 'deleted', 'transferred', 'suspended'])[p.state])
FROM project AS p
UNION ALL
SELECT r.ws, 'repository', r.ws, r.id, 0, r.ver, r.fingerprint, 6 - r.state, r.state IN (1, 2, 5), r.src, r.disputed,
       coalesce(r.project, 0),
       jsonb_build_object('workspace', (SELECT ext FROM alias WHERE id = r.ws), 'id', r.ext, 'project', (SELECT ext FROM alias WHERE id = r.project), 'slug', r.slug,
                          'is_private', r.is_private, 'to_workspace', r.to_workspace,
                          'state', (ARRAY['active', 'archived', 'deleted', 'transferred', 'suspended'])[r.state])
FROM repository AS r
UNION ALL
SELECT e.ws, 'environment', e.ws, e.id, 0, e.ver, e.fingerprint, 6 - e.state, e.state IN (1, 2, 5), e.src, e.disputed, 0,
       jsonb_build_object('workspace', (SELECT ext FROM alias WHERE id = e.ws), 'id', (SELECT ext FROM alias WHERE id = e.id),
                          'repository', (SELECT ext FROM alias WHERE id = e.repository), 'name', e.name,
                          'stage', e.stage, 'admin_only', e.admin_only,
                          'state', (ARRAY['active', 'archived', 'deleted', 'transferred', 'suspended'])[e.state])
FROM environment AS e
UNION ALL
SELECT g.ws, 'group', g.ws, g.id, 0, g.ver, g.fingerprint, 6 - g.state, g.state IN (1, 2, 5), g.src, g.disputed, 0,
       jsonb_build_object('workspace', (SELECT ext FROM alias WHERE id = g.ws), 'id', (SELECT ext FROM alias WHERE id = g.id), 'slug', g.slug, 'incarnation', g.incarnation,
                          'external_id', g.external_id,
                          'state', (ARRAY['active', 'archived', 'deleted', 'transferred', 'suspended'])[g.state])
FROM grp AS g
UNION ALL
SELECT m.ws, 'group_member', m.ws, m.usr, m.grp, m.ver, m.fingerprint, m.present::int, m.present, m.src, m.disputed, 0,
       jsonb_build_object('workspace', (SELECT ext FROM alias WHERE id = m.ws), 'group', (SELECT ext FROM alias WHERE id = m.grp), 'user', (SELECT ext FROM alias WHERE id = m.usr),
                          'present', m.present)
FROM group_member AS m
UNION ALL
SELECT m.ws, 'workspace_member', m.ws, m.usr, 0, m.ver, m.fingerprint, m.role, m.role > 0, m.src, m.disputed, 0,
       jsonb_build_object('workspace', (SELECT ext FROM alias WHERE id = m.ws), 'user', (SELECT ext FROM alias WHERE id = m.usr),
                          'role', (ARRAY['none', 'collaborator', 'member', 'owner'])[m.role + 1])
FROM workspace_member AS m
UNION ALL
SELECT g.ws, 'grant', g.ws, g.node, g.grantee, g.ver, g.fingerprint, g.role, g.role > 0, g.src, g.disputed, 0,
       jsonb_build_object('workspace', (SELECT ext FROM alias WHERE id = g.ws), 'node', jsonb_build_object('kind', g.node_kind, 'id', (SELECT ext FROM alias WHERE id = g.node)),
                          'grantee', jsonb_build_object('kind', g.grantee_kind,
                                                        'id', (SELECT ext FROM alias WHERE id = g.grantee)),
                          'role', CASE WHEN g.node_kind = 'workspace' AND g.role > 0 THEN 'owner'
                                       ELSE (ARRAY['none', 'read', 'write', 'admin'])[g.role + 1] END)
FROM grant_fact AS g;

-- Facts that were there before: whoever told most of a kind is its authority; the service counts them when it starts.
INSERT INTO authority (ws, tab, source, high, counted)
SELECT home, tab, mode() WITHIN GROUP (ORDER BY src), max(ver), false
FROM stored_fact WHERE src IN (SELECT id FROM source) GROUP BY home, tab;

-- Runs of sources' snapshots. as_of is the version a snapshot is complete up to; facts and checksum are what is staged.
CREATE TABLE snapshot_run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source integer NOT NULL REFERENCES source,
    workspace integer NOT NULL,
    name text NOT NULL,
    as_of bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('staging', 'planning', 'held', 'applying', 'done', 'refused', 'abandoned', 'discarded')),
    facts bigint NOT NULL,
    checksum numeric NOT NULL,
    vanishing bigint NOT NULL,
    present bigint NOT NULL,
    confirmed boolean NOT NULL,
    reason text NOT NULL,
    started_at timestamptz NOT NULL,
    moved_at timestamptz NOT NULL,
    pruned boolean NOT NULL DEFAULT false,
    UNIQUE (workspace, source, name)
);
CREATE INDEX snapshot_run_to_prune ON snapshot_run (id) WHERE NOT pruned;
CREATE INDEX snapshot_run_open ON snapshot_run (id) WHERE state IN ('staging', 'planning', 'held', 'applying');

-- ver is -1 for a fact without a version; live facts came untagged and are in no checksum.
CREATE TABLE snapshot_stage (
    run bigint NOT NULL REFERENCES snapshot_run,
    tab text NOT NULL,
    ws integer NOT NULL,
    a integer NOT NULL,
    b integer NOT NULL,
    live boolean NOT NULL,
    ver bigint NOT NULL,
    digest numeric NOT NULL,
    rank integer NOT NULL,
    fingerprint bigint NOT NULL,
    parent integer NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (run, tab, a, b, live)
);

-- The turn of every fact that a run changes; absences have no staged fact.
CREATE TABLE snapshot_turn (
    run bigint NOT NULL REFERENCES snapshot_run,
    turn smallint NOT NULL,
    tab text NOT NULL,
    ws integer NOT NULL,
    a integer NOT NULL,
    b integer NOT NULL,
    PRIMARY KEY (run, tab, a, b)
);
CREATE INDEX snapshot_turn_next ON snapshot_turn (run, turn);

-- Re-activations that wait for the main lanes to pass their time.
CREATE TABLE parked_fact (
    tab text NOT NULL,
    a integer NOT NULL,
    ver bigint NOT NULL,
    source integer NOT NULL REFERENCES source,
    until timestamptz NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (tab, a)
);

CREATE TABLE source_request (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source integer NOT NULL REFERENCES source,
    kind text NOT NULL CHECK (kind IN ('snapshot', 'refresh')),
    ws integer NOT NULL,
    usr uuid,
    repository uuid,
    at timestamptz NOT NULL
);
CREATE UNIQUE INDEX source_request_once ON source_request
    (source, kind, ws, coalesce(usr, '00000000-0000-0000-0000-000000000000'),
     coalesce(repository, '00000000-0000-0000-0000-000000000000'));

-- since is the time freshness is held at; a released letter holds nothing.
ALTER TABLE dead_letter ADD COLUMN since timestamptz, ADD COLUMN released_at timestamptz, ADD COLUMN released_by text,
    ADD COLUMN release_reason text;
CREATE INDEX dead_letter_of_key ON dead_letter (ws, key) WHERE released_at IS NULL;
-- A pin without a letter is that of a sweep or a checksum.
ALTER TABLE workspace_pin ALTER COLUMN dead_letter DROP NOT NULL;

-- What holds a lane whose record's workspace can't be read; lane.pinned_since is the earliest.
CREATE TABLE lane_pin (
    source integer NOT NULL REFERENCES source,
    topic text NOT NULL,
    part integer NOT NULL,
    key text NOT NULL,
    since timestamptz NOT NULL,
    dead_letter bigint REFERENCES dead_letter,
    at timestamptz NOT NULL,
    PRIMARY KEY (source, topic, part, key)
);
INSERT INTO lane_pin (source, topic, part, key, since, at)
SELECT source, topic, part, 'earlier', pinned_since, now() FROM lane WHERE pinned_since IS NOT NULL;

-- ingest
-- A fact topic as it was when it was first met: the brokers' own id of it, and where its partitions ended.
CREATE TABLE ingest_topic (
    topic text PRIMARY KEY,
    incarnation text NOT NULL,
    first_ends bigint[] NOT NULL
);
