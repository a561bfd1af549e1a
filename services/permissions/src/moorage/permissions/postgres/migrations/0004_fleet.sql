-- The gateways that enforce, and how far each has come (authorization.md §3.2, §3.6); and what each epoch began with.
-- Safe before the code that needs it: everything is new.

-- A row is written every second by its gateway: room for it on its page keeps the index out of that.
CREATE TABLE gateway (
    id uuid PRIMARY KEY,
    epoch integer NOT NULL,
    applied_seq bigint NOT NULL,
    serves_for double precision,
    seen_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- The first epoch has no row.
CREATE TABLE epoch (
    id integer PRIMARY KEY,
    reason text NOT NULL,
    at timestamptz NOT NULL
);
