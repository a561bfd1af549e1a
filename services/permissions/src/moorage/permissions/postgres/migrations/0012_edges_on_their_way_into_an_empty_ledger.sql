-- Edges on their way from their topic into an empty ledger (authorization.md §2.6).
-- Safe before the code that needs it: everything is new, and read by nobody else.
--
-- What is staged is worth nothing after a crash, so it is not logged. a and b are the ends in the order of the key; digest
-- is what the edge adds to the checksum of its workspace, as a signed integer.

CREATE UNLOGGED TABLE staged_group_member (
    ws integer NOT NULL,
    a integer NOT NULL,
    b integer NOT NULL,
    ver bigint NOT NULL,
    digest bigint NOT NULL,
    rank smallint NOT NULL,
    ev text NOT NULL,
    by_whom text,
    a_kind text NOT NULL,
    b_kind text NOT NULL
) WITH (autovacuum_enabled = off);
CREATE UNLOGGED TABLE staged_workspace_member (LIKE staged_group_member) WITH (autovacuum_enabled = off);
CREATE UNLOGGED TABLE staged_grant (LIKE staged_group_member) WITH (autovacuum_enabled = off);

-- Edges for which two values claim one version.
CREATE UNLOGGED TABLE staged_dispute (
    tab text NOT NULL,
    ws integer NOT NULL,
    a integer NOT NULL,
    b integer NOT NULL
) WITH (autovacuum_enabled = off);

-- Whose edges these are: what an earlier run may still send is refused. Not logged either: a crash that empties the tables
-- above ends the run with them, so nobody takes what is left for all there is.
CREATE UNLOGGED TABLE staging_run (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    run uuid
);
