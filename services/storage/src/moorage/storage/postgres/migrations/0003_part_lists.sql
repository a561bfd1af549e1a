-- What an S3 driver knows of provisional bytes (moorage.storage.part_list). Nothing else uses these tables: with the
-- filesystem driver they are empty. A row goes when the bytes have become an object or are deleted.
-- Safe before and after the code that needs it.

CREATE TABLE part_list (
    key uuid PRIMARY KEY,
    fence bigint NOT NULL DEFAULT 0,
    held_until timestamptz NOT NULL DEFAULT '-infinity',
    upload text UNIQUE,
    numbers integer NOT NULL DEFAULT 0,
    tails bigint NOT NULL DEFAULT 0,
    tail bigint,
    tail_size bigint,
    is_closing boolean NOT NULL DEFAULT false,
    is_deleted boolean NOT NULL DEFAULT false,
    written_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX part_list_by_use ON part_list (written_at);

CREATE TABLE part (
    key uuid NOT NULL REFERENCES part_list ON DELETE CASCADE,
    number integer NOT NULL,
    etag text NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    PRIMARY KEY (key, number)
);
