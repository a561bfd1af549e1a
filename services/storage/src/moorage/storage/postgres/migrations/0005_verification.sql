-- What a verification last found wrong with a blob's object; NULL: nothing. Code before this migration knows nothing of
-- it and serves as it did. The constraint holds for what is written from now on; 0006 makes sure of the rest.

ALTER TABLE blob ADD COLUMN damage text, ADD COLUMN damage_found_at timestamptz;
ALTER TABLE blob ADD CONSTRAINT blob_damage_check
    CHECK (damage IN ('missing', 'resized', 'altered', 'unreadable')) NOT VALID;

-- Every blob up to the digest `after` was looked at since the pass of this name began.
CREATE TABLE verification (
    name text PRIMARY KEY,
    began_at timestamptz NOT NULL,
    after text COLLATE "C" NOT NULL DEFAULT '',
    objects bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0
);
