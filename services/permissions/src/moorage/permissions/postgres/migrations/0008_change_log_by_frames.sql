-- The change log by frames instead of by rows: a thousand changes cost one row (authorization.md §2.4, §3.10).
--
-- Safe under the former version for as long as it still runs (R162): whatever it appends to change_log is packed at once,
-- so readers of this version miss nothing. Its own readers find change_log empty: unless they are at head, their position
-- is unknown to them (410), and they take snapshots until they are connected to this version. The rows of before are not
-- carried over: that could take longer than anybody waits for a start. Who was behind takes one snapshot.

-- Rows of one frame are applied by readers as one whole: a JSON array of rows, as the stream says them, seqs
-- after_seq + 1 .. after_seq + size. A transaction is one frame, or some before it of aliases that nothing uses yet.
CREATE TABLE change_frame (
    after_seq bigint PRIMARY KEY,
    size integer NOT NULL CHECK (size > 0),
    removals integer NOT NULL,
    at timestamptz NOT NULL,
    rows text NOT NULL
);
-- To compress them would cost more than to write them.
ALTER TABLE change_frame ALTER COLUMN rows SET STORAGE EXTERNAL;

-- The newest row of each workspace that an event has caused.
CREATE TABLE workspace_news (
    ws integer PRIMARY KEY,
    seq bigint NOT NULL,
    ev text NOT NULL,
    at timestamptz NOT NULL
) WITH (fillfactor = 50);

INSERT INTO workspace_news (ws, seq, ev, at)
SELECT DISTINCT ON (ws) ws, seq, ev, at FROM change_log
WHERE seq > (SELECT seq FROM meta) - 100000 AND ev IS NOT NULL ORDER BY ws, seq DESC;
TRUNCATE change_log;

-- For the former version only. The numbers are those of moorage.permissions.removals when this was written.
CREATE FUNCTION pack_change_log() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    WITH appended AS (
        DELETE FROM change_log RETURNING *
    ), told AS (
        INSERT INTO workspace_news (ws, seq, ev, at)
        SELECT DISTINCT ON (ws) ws, seq, ev, at FROM appended WHERE ev IS NOT NULL ORDER BY ws, seq DESC
        ON CONFLICT (ws) DO UPDATE SET seq = excluded.seq, ev = excluded.ev, at = excluded.at
    )
    INSERT INTO change_frame (after_seq, size, removals, at, rows)
    SELECT min(seq) - 1, count(*),
        count(*) FILTER (WHERE (kind IN (1, 2, 3, 4, 5, 6, 7, 10) AND val = 0) OR (kind IN (8, 11) AND val >= 3)),
        max(at),
        json_agg(CASE WHEN extra IS NULL THEN json_build_array(kind, ws, a, b, val, ver)
                      ELSE json_build_array(kind, ws, a, b, val, ver, extra) END ORDER BY seq)
    FROM appended GROUP BY frame;
    RETURN NULL;
END
$body$;
CREATE TRIGGER pack AFTER INSERT ON change_log FOR EACH STATEMENT EXECUTE FUNCTION pack_change_log();
