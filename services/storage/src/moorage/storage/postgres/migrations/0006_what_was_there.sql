-- What was there before 0004 and 0005 is looked into once, however much it is: nobody waits for that, neither who reads
-- nor who writes. 0004 is committed by then, so that what changes meanwhile is written down by its triggers; what both
-- write down is looked at twice. Safe before and after the code that needs it.

INSERT INTO review (kind, image, digest) SELECT 'link', image, digest FROM blob_link;
INSERT INTO review (kind, image, digest) SELECT 'manifest', image, digest FROM manifest;
INSERT INTO review (kind, digest)
SELECT 'blob', digest FROM blob WHERE NOT EXISTS (SELECT FROM blob_link WHERE blob_link.digest = blob.digest);

ALTER TABLE blob VALIDATE CONSTRAINT blob_damage_check;

-- Last, since whoever completes an upload waits while these are built. The one by key answers whether anything owns an
-- object.
CREATE INDEX blob_damaged ON blob (digest) WHERE damage IS NOT NULL;
CREATE INDEX blob_by_key ON blob (key);
