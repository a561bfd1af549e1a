-- Staged edges are written as they are stored, into tables that change names with the real ones (decision 0009): so nothing
-- is written twice, and indexes are built before the one change that makes it all come true.
-- Safe before the code that needs it: only a rebuild in bulk uses these tables. One of the former version that is under way
-- misses them, and then goes the ordinary way.
--
-- They are logged now, because they become what is stored. The row that names the run is still not logged: a crash of the
-- server ends the run, and whatever it has left of it is thrown away by the next one.
DROP TABLE staged_group_member, staged_workspace_member, staged_grant;
CREATE TABLE staged_group_member (LIKE group_member INCLUDING DEFAULTS) WITH (fillfactor = 85, autovacuum_enabled = off);
CREATE TABLE staged_workspace_member (LIKE workspace_member INCLUDING DEFAULTS)
    WITH (fillfactor = 85, autovacuum_enabled = off);
CREATE TABLE staged_grant (LIKE grant_fact INCLUDING DEFAULTS) WITH (fillfactor = 85, autovacuum_enabled = off);

-- Edges that lost to another one of their key, which were counted all the same.
CREATE UNLOGGED TABLE staged_loser (
    tab text NOT NULL,
    ws integer NOT NULL,
    key text NOT NULL,
    ver bigint NOT NULL,
    rank bigint NOT NULL
) WITH (autovacuum_enabled = off);
