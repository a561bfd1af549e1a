-- What every fact and record said before: time travel and recent changes (authorization.md §4).
-- Safe before the code that needs it: code that knows nothing of it leaves seq at 0, "since always".
--
-- seq is the frame of the change that set the value: whoever looks at position S sees the rows with seq <= S. by_whom is
-- who made it, where that is known. A row that says something new leaves the former one in <table>_past, which was seen
-- until before until_seq. Rows of one frame are seen at once, so what a frame replaces twice leaves one former row.

-- Every change has one row: when it came true, and the position after it. The first row is where history begins.
CREATE TABLE frame_clock (
    seq bigint PRIMARY KEY,
    at timestamptz NOT NULL
);
CREATE INDEX frame_clock_by_time ON frame_clock (at, seq);
INSERT INTO frame_clock (seq, at) SELECT seq, now() FROM meta;

-- A nested loop over two unsorted transition tables would be quadratic, and the first, small batch would choose it.
DO $$
DECLARE
    kept record;
BEGIN
    FOR kept IN SELECT * FROM (VALUES
        ('workspace', 'id'), ('project', 'id'), ('repository', 'id'), ('environment', 'id'), ('grp', 'id'),
        ('principal', 'id'), ('credential', 'id'), ('image', 'id'),
        ('group_member', 'ws, usr, grp'), ('workspace_member', 'ws, usr'), ('grant_fact', 'ws, node, grantee')
    ) AS tables (name, key) LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN seq bigint NOT NULL DEFAULT 0, ADD COLUMN by_whom text', kept.name);
        EXECUTE format('CREATE TABLE %I (until_seq bigint NOT NULL, LIKE %I)', kept.name || '_past', kept.name);
        EXECUTE format('CREATE INDEX ON %I (%s)', kept.name || '_past', kept.key);
        EXECUTE format('CREATE INDEX ON %I (until_seq)', kept.name || '_past');
        EXECUTE format(
            'CREATE FUNCTION %1$I() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $body$
             BEGIN
                 IF EXISTS (SELECT FROM before) THEN
                     INSERT INTO %2$I
                     SELECT after.seq, before.* FROM before JOIN after USING (%3$s) WHERE after.seq > before.seq;
                 END IF;
                 RETURN NULL;
             END
             $body$',
            'keep_' || kept.name, kept.name || '_past', kept.key);
        EXECUTE format(
            'CREATE TRIGGER keep_past AFTER UPDATE ON %I REFERENCING OLD TABLE AS before NEW TABLE AS after
             FOR EACH STATEMENT EXECUTE FUNCTION %I()',
            kept.name, 'keep_' || kept.name);
    END LOOP;
END
$$;

-- The ways in which a reader of the past finds a row, beside its key.
CREATE INDEX ON workspace_past (slug);
CREATE INDEX ON repository_past (ext, ws);
CREATE INDEX ON repository_past (ws, slug);
CREATE INDEX ON principal_past (ext);
CREATE INDEX ON principal_past (account);
CREATE INDEX ON credential_past (ext);
CREATE INDEX ON image_past (ext);
CREATE INDEX ON image_past (ws, name);
CREATE INDEX ON image_past (repository);
CREATE INDEX ON group_member_past (grp);
CREATE INDEX ON grant_fact_past (grantee);

-- The past is read by shadowing the tables' names, which reaches no view and no function: image_in_place,
-- credential_in_place and role_path are texts of the code now, and stay here for the former version only (R162).
