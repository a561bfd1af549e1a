-- A record that a first push made, and to which nothing was pushed, ends after a week (authorization.md §1.9, I5).
-- Safe before the code that needs it: everything new has a value that says nothing.
--
-- content_seen: whether storage was ever seen to hold something of the image. Like the marks of a purge it is no change
-- of the record. What is kept of the past has the columns of its table, in their order.

ALTER TABLE image ADD COLUMN content_seen boolean NOT NULL DEFAULT false;
ALTER TABLE image_past ADD COLUMN content_seen boolean NOT NULL DEFAULT false;

-- What is older may have been emptied by its own team, and that is no reason to end it.
UPDATE image SET content_seen = true WHERE created_at < now() - interval '7 days';

CREATE INDEX image_unpushed ON image (created_at, id)
    WHERE origin = 'first_push' AND link_gen = 1 AND NOT content_seen AND state NOT IN ('deleted', 'expired');
