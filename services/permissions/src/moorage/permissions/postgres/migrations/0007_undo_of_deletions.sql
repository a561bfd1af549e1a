-- A deleted image can be restored for a while, and then its content goes (authorization.md §1.9).
-- Safe before the code that needs it: everything new has a value that says nothing.
--
-- undo_until: before then the deletion can be undone. purge_at: from then on the content may be dropped; NULL where the
-- image is not over. purge: NULL, 'begun' (storage is being told: nothing comes back any more) or 'done'.
-- The marks of a purge are no change of the record: they leave its seq, and so its past, alone.
-- What is kept of the past has the columns of its table, in their order.

ALTER TABLE image
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN undo_until timestamptz,
    ADD COLUMN purge_at timestamptz,
    ADD COLUMN purge text CHECK (purge IN ('begun', 'done'));
ALTER TABLE image_past
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN undo_until timestamptz,
    ADD COLUMN purge_at timestamptz,
    ADD COLUMN purge text;

-- Until now a gateway told storage right after a deletion, or failed to; telling it again does no harm.
UPDATE image SET purge_at = now() WHERE state IN ('deleted', 'expired');

CREATE INDEX image_to_purge ON image (purge_at, id) WHERE purge IS DISTINCT FROM 'done';
CREATE INDEX image_to_restore ON image (ws, name, ext) WHERE undo_until IS NOT NULL AND purge IS NULL;
