-- Up to where the turns of a snapshot's facts have been noted, and what nobody reads any more (authorization.md §2.6).
-- Safe while the former version runs: it notes all turns of such a run at once, and none of the views is read by it.
ALTER TABLE snapshot_run ADD COLUMN cursor_tab text, ADD COLUMN cursor_a integer, ADD COLUMN cursor_b integer;

DROP VIEW image_in_place;
DROP VIEW credential_in_place;
DROP FUNCTION role_path(integer, integer, integer);
