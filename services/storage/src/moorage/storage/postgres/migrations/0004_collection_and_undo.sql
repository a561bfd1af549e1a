-- Collection (R94-R101): whatever loses a name is written into `review` in the transaction in which it loses it, by
-- triggers, so that no statement can forget to. `since` is that moment; collection adds the grace. Rows are only ever
-- inserted and taken: who changes content never waits for another's row here.
--
-- Undo: what is deleted by hand is moved aside and stays until the grace is over. Whoever reads never meets it, and
-- what it names is kept as if it were there.
--
--   tag ──deleted──▶ deleted_tag        manifest ──deleted──▶ deleted_manifest ◀── deleted_reference
--
-- Safe before the code that needs it: an older version deletes for good, and what it frees is reviewed all the same.
-- It locks tables against writers, and reads none of them: what was there before is looked into by 0006.

CREATE TABLE review (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('blob', 'link', 'manifest')),
    -- Of a blob, whoever holds it: the nil UUID.
    image uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    digest text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX review_by_age ON review (kind, since, id);
CREATE INDEX review_by_object ON review (digest, image, kind, since);

CREATE TABLE deleted_manifest (
    image uuid NOT NULL,
    digest text COLLATE "C" NOT NULL,
    media_type text NOT NULL,
    body bytea NOT NULL,
    subject text COLLATE "C",
    artifact_type text,
    annotations json NOT NULL,
    token bigint[] NOT NULL,
    token_is_local boolean NOT NULL,
    pushed_by text NOT NULL,
    pushed_at timestamptz NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (image, digest)
);
CREATE INDEX deleted_manifest_by_age ON deleted_manifest (deleted_at);
CREATE INDEX deleted_manifest_by_subject ON deleted_manifest (image, subject) WHERE subject IS NOT NULL;

CREATE TABLE deleted_reference (
    image uuid NOT NULL,
    manifest text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    is_manifest boolean NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (image, manifest, digest, is_manifest),
    FOREIGN KEY (image, manifest) REFERENCES deleted_manifest ON DELETE CASCADE
);
CREATE INDEX deleted_reference_by_digest ON deleted_reference (image, digest, deleted_at);

CREATE TABLE deleted_tag (
    image uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    token bigint[] NOT NULL,
    token_is_local boolean NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    deleted_by text NOT NULL,
    PRIMARY KEY (image, name)
);
CREATE INDEX deleted_tag_by_age ON deleted_tag (deleted_at);
CREATE INDEX deleted_tag_by_manifest ON deleted_tag (image, digest, deleted_at);

-- When clients were last noted to be told of a manifest by its digest; as `linked_at` of a blob's link.
ALTER TABLE manifest ADD COLUMN told_at timestamptz NOT NULL DEFAULT now();

CREATE FUNCTION review_links() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO review (kind, image, digest) SELECT 'link', image, digest FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER blob_link_is_new AFTER INSERT ON blob_link
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION review_links();

CREATE FUNCTION review_blobs() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO review (kind, digest) SELECT DISTINCT 'blob', digest FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER blob_link_is_gone AFTER DELETE ON blob_link
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION review_blobs();

CREATE FUNCTION review_references() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO review (kind, image, digest)
    SELECT DISTINCT CASE WHEN is_manifest THEN 'manifest' ELSE 'link' END, image, digest FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER manifest_reference_is_gone AFTER DELETE ON manifest_reference
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION review_references();

CREATE FUNCTION review_manifests() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO review (kind, image, digest) SELECT DISTINCT 'manifest', image, digest FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER manifest_is_new AFTER INSERT ON manifest
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION review_manifests();
-- Whoever pushes it again is about to name it; whoever is only told of it loses and gives no name.
CREATE FUNCTION review_pushed_manifest() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO review (kind, image, digest) VALUES ('manifest', NEW.image, NEW.digest);
    RETURN NULL;
END $$;
CREATE TRIGGER manifest_is_pushed_again AFTER UPDATE ON manifest
    FOR EACH ROW WHEN (NEW.told_at = OLD.told_at) EXECUTE FUNCTION review_pushed_manifest();
CREATE TRIGGER tag_is_gone AFTER DELETE ON tag
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION review_manifests();

CREATE FUNCTION review_moved_tags() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO review (kind, image, digest)
    SELECT DISTINCT 'manifest', was.image, was.digest
    FROM was JOIN is_now USING (image, name) WHERE was.digest <> is_now.digest;
    RETURN NULL;
END $$;
CREATE TRIGGER tag_has_moved AFTER UPDATE ON tag
    REFERENCING OLD TABLE AS was NEW TABLE AS is_now FOR EACH STATEMENT EXECUTE FUNCTION review_moved_tags();

-- Referrers live with their subject, and a subject with referrers that have a name.
CREATE FUNCTION review_referrers() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO review (kind, image, digest)
    SELECT DISTINCT 'manifest', manifest.image, manifest.digest
    FROM changed JOIN manifest ON manifest.image = changed.image AND manifest.subject = changed.digest;
    INSERT INTO review (kind, image, digest)
    SELECT DISTINCT 'manifest', image, subject FROM changed WHERE subject IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER manifest_is_gone AFTER DELETE ON manifest
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION review_referrers();

-- What was linked while a long upload went on may belong to the same push: its manifest is still to come (R95). So its
-- end counts as told to whom the image was given links since then, or a day earlier; uploads that follow one another
-- are one. It is written down, and the links are not touched: their rows may be anybody's at that moment.
CREATE TABLE long_upload (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image uuid NOT NULL,
    since timestamptz NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX long_upload_by_image ON long_upload (image, ended_at);
CREATE INDEX long_upload_by_age ON long_upload (ended_at);

CREATE FUNCTION keep_what_was_pushed_meanwhile() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO long_upload (image, since)
    SELECT changed.image, LEAST(changed.started_at - interval '1 day', (
        SELECT min(since) FROM long_upload AS before
        WHERE before.image = changed.image AND before.ended_at >= changed.started_at - interval '1 day'
    ))
    FROM changed WHERE changed.started_at < now() - interval '1 hour';
    RETURN NULL;
END $$;
CREATE TRIGGER upload_session_is_over AFTER DELETE ON upload_session
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_what_was_pushed_meanwhile();
