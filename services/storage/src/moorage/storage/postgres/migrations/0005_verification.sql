-- What a verification last found wrong with a blob's object; NULL: nothing. Code before this migration knows nothing of
-- it and serves as it did. The index by key answers whether anything owns an object.

ALTER TABLE blob ADD COLUMN damage text CHECK (damage IN ('missing', 'resized', 'altered', 'unreadable'));
ALTER TABLE blob ADD COLUMN damage_found_at timestamptz;
CREATE INDEX blob_damaged ON blob (digest) WHERE damage IS NOT NULL;
CREATE INDEX blob_by_key ON blob (key);

-- Every blob up to the digest `after` was looked at since the pass of this name began.
CREATE TABLE verification (
    name text PRIMARY KEY,
    began_at timestamptz NOT NULL,
    after text COLLATE "C" NOT NULL DEFAULT '',
    objects bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0
);
