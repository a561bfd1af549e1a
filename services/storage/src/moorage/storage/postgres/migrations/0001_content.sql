-- What images hold. Everything is keyed by the image's UUID; names live with permissions.
--
--   upload_session ──ends as──▶ blob ◀── blob_link (image, digest)
--          └──────or as──────▶ discarded_object          ▲ checked, not enforced: a blob may be unlinked by hand
--   manifest (image, digest) ◀── manifest_reference ─────┘
--          ▲── tag (image, name)     tag_history: every move of a tag
--
-- The key of an object is the id of the session that uploaded it. Its owner is the session, then a blob or
-- discarded_object; the step from one to the other is one transaction.
-- A consistency token is {epoch, seq}: arrays compare in that order, GREATEST gives the higher one.

CREATE TABLE upload_session (
    id uuid PRIMARY KEY,
    image uuid NOT NULL,
    principal text NOT NULL,
    link_gen bigint NOT NULL,
    algorithm text NOT NULL,
    started_at timestamptz NOT NULL,
    touched_at timestamptz NOT NULL
);
CREATE INDEX upload_session_by_image ON upload_session (image);
CREATE INDEX upload_session_by_principal ON upload_session (principal);
CREATE INDEX upload_session_by_use ON upload_session (touched_at);
CREATE INDEX upload_session_by_start ON upload_session (started_at);

CREATE TABLE discarded_object (
    key uuid PRIMARY KEY,
    discarded_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE blob (
    digest text COLLATE "C" PRIMARY KEY,
    key uuid NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    stored_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE blob_link (
    image uuid NOT NULL,
    digest text COLLATE "C" NOT NULL REFERENCES blob,
    linked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (image, digest)
);
CREATE INDEX blob_link_by_digest ON blob_link (digest);

CREATE TABLE manifest (
    image uuid NOT NULL,
    digest text COLLATE "C" NOT NULL,
    media_type text NOT NULL,
    body bytea NOT NULL,
    size bigint GENERATED ALWAYS AS (octet_length(body)) STORED,
    subject text COLLATE "C",
    artifact_type text,
    annotations json NOT NULL,
    token bigint[] NOT NULL,
    pushed_by text NOT NULL,
    pushed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (image, digest)
);
CREATE INDEX manifest_by_subject ON manifest (image, subject, pushed_at, digest) WHERE subject IS NOT NULL;

CREATE TABLE manifest_reference (
    image uuid NOT NULL,
    manifest text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    is_manifest boolean NOT NULL,
    PRIMARY KEY (image, manifest, digest, is_manifest),
    FOREIGN KEY (image, manifest) REFERENCES manifest ON DELETE CASCADE
);
CREATE INDEX manifest_reference_by_digest ON manifest_reference (image, digest);

CREATE TABLE tag (
    image uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    -- What the tag named before its last push.
    previous text COLLATE "C",
    token bigint[] NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (image, name),
    FOREIGN KEY (image, digest) REFERENCES manifest ON DELETE CASCADE
);
CREATE INDEX tag_by_manifest ON tag (image, digest);

CREATE TABLE tag_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    before text COLLATE "C",
    after text COLLATE "C",
    principal text NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tag_history_by_tag ON tag_history (image, name, id);
