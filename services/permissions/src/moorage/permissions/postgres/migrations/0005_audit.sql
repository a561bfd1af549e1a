-- Decisions that were taken, to be replayed (authorization.md §4).
-- Safe before the code that needs it: everything is new.
--
-- Append only: rows go by age, in whole batches, and are never changed. id sorts by time (UUID version 7); epoch and seq
-- are the position that was decided at. Who and what is meant stands here by uuid, without references: it outlives both.

CREATE TABLE audit (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    allow boolean NOT NULL,
    deed text NOT NULL,
    reason text NOT NULL,
    principal_kind text NOT NULL,
    principal uuid,
    credential uuid,
    run jsonb,
    name text NOT NULL,
    workspace uuid,
    image uuid,
    role smallint NOT NULL,
    readable boolean NOT NULL,
    epoch integer NOT NULL,
    seq bigint NOT NULL,
    staleness_ms bigint,
    mode text NOT NULL,
    via jsonb,
    change jsonb NOT NULL
);
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_of_workspace ON audit (workspace, at, id);
CREATE INDEX audit_of_image ON audit (image, at, id) WHERE image IS NOT NULL;
CREATE INDEX audit_of_principal ON audit (principal, at, id) WHERE principal IS NOT NULL;

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit records are never changed';
END
$$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
