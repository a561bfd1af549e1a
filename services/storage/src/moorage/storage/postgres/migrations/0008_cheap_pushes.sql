-- A push in few statements. Safe under the code before it: that writes the same rows by statements of its own.
--
-- Triggers that fire for nearly every push look at its one row: a statement's transition table, and a join with it, cost
-- more than all else that they do. Deletions of many rows keep theirs.

CREATE FUNCTION review_new_link() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO review (kind, image, digest) VALUES ('link', NEW.image, NEW.digest);
    RETURN NULL;
END $$;
DROP TRIGGER blob_link_is_new ON blob_link;
CREATE TRIGGER blob_link_is_new AFTER INSERT ON blob_link FOR EACH ROW EXECUTE FUNCTION review_new_link();
DROP FUNCTION review_links();

CREATE FUNCTION review_new_manifest() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO review (kind, image, digest) VALUES ('manifest', NEW.image, NEW.digest);
    RETURN NULL;
END $$;
DROP TRIGGER manifest_is_new ON manifest;
CREATE TRIGGER manifest_is_new AFTER INSERT ON manifest FOR EACH ROW EXECUTE FUNCTION review_new_manifest();

-- A manifest's push as one statement: true, or false and nothing done if what it names is not all there as it says;
-- why, is for who asks to find out. What it names can't be unlinked before it is there, nor its subject, if that is
-- there; the manifest itself is locked in its turn among those. Each statement in here sees what was committed when it
-- began. Everybody locks the manifest first and then tags
-- by name, so nobody waits in a circle. `previous` carries the digest that a tag is moved from into its history.
CREATE FUNCTION put_manifest(
    the_image uuid, the_digest text, the_media_type text, the_body bytea, the_subject text, the_artifact_type text,
    the_annotations json, the_token bigint[], is_local boolean, the_principal text, tags text[],
    blobs text[], blob_sizes bigint[], manifests text[], manifest_sizes bigint[], deepest integer
) RETURNS boolean LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    held bigint;
BEGIN
    SELECT count(*) INTO held FROM (
        SELECT FROM unnest(blobs, blob_sizes) AS named (digest, size)
        JOIN blob_link ON blob_link.image = the_image AND blob_link.digest = named.digest
        JOIN blob ON blob.digest = named.digest AND blob.size = named.size
        ORDER BY blob_link.digest FOR KEY SHARE OF blob_link
    ) AS found;
    IF held <> cardinality(blobs) THEN
        RETURN false;
    END IF;
    IF the_subject IS NOT NULL OR cardinality(manifests) > 0 THEN
        SELECT count(named.digest) INTO held FROM (
            SELECT digest, size FROM manifest
            WHERE image = the_image AND digest = ANY (manifests || ARRAY[the_subject, the_digest]) ORDER BY digest FOR KEY SHARE
        ) AS found LEFT JOIN unnest(manifests, manifest_sizes) AS named (digest, size) USING (digest, size);
        IF held <> cardinality(manifests) THEN
            RETURN false;
        END IF;
    END IF;
    IF cardinality(manifests) > 0 AND deepest < (
        WITH RECURSIVE below (digest, depth) AS (
            SELECT unnest(manifests) COLLATE "C", 1
            UNION
            SELECT named.digest, below.depth + 1
            FROM below JOIN manifest_reference AS named ON named.image = the_image AND named.manifest = below.digest
            WHERE named.is_manifest AND below.depth <= deepest
        )
        SELECT max(depth) FROM below
    ) THEN
        RETURN false;
    END IF;
    WITH pushed AS (
        INSERT INTO manifest (
            image, digest, media_type, body, subject, artifact_type, annotations, token, pushed_by, token_is_local
        )
        VALUES (
            the_image, the_digest, the_media_type, the_body, the_subject, the_artifact_type, the_annotations, the_token,
            the_principal, is_local
        )
        ON CONFLICT (image, digest) DO UPDATE
        SET media_type = excluded.media_type, token = GREATEST(manifest.token, excluded.token),
            token_is_local = manifest.token_is_local AND excluded.token_is_local
        RETURNING digest
    ), moved AS (
        INSERT INTO tag (image, name, digest, token, token_is_local)
        SELECT the_image, name, pushed.digest, the_token, is_local
        FROM pushed, unnest(tags) AS name ORDER BY name COLLATE "C"
        ON CONFLICT (image, name) DO UPDATE
        SET previous = tag.digest, digest = excluded.digest, moved_at = now(),
            token = GREATEST(tag.token, excluded.token),
            token_is_local = excluded.token_is_local AND (tag.token_is_local OR tag.digest <> excluded.digest)
        RETURNING name, previous
    )
    INSERT INTO tag_history (image, name, before, after, principal)
    SELECT the_image, name, previous, the_digest, the_principal FROM moved WHERE previous IS DISTINCT FROM the_digest;
    -- Behind that: it may have waited for a deletion, of which its own snapshot knows nothing.
    DELETE FROM deleted_manifest WHERE image = the_image AND digest = the_digest;
    INSERT INTO manifest_reference (image, manifest, digest, is_manifest)
    SELECT the_image, the_digest, named, false FROM unnest(blobs) AS named
    UNION ALL SELECT the_image, the_digest, named, true FROM unnest(manifests) AS named
    ON CONFLICT DO NOTHING;
    RETURN true;
END $$;
