-- Coherent memory of readers (docs/design/storage.md, decision 0013). Processes remember what images hold. Whoever moves
-- or deletes what may be remembered commits a hold on the image first, waits for `read_window`, and then makes the
-- change and ends the hold in one transaction. Readers poll holds, and answer from memory only on a young poll that saw
-- none.
--
-- Triggers see to it that no statement can forget to: a change without a hold leaves a debt, and debts can't be
-- committed. The refusal names the images; the code holds them and tries again.
--
-- Not before the code that needs it: an older version's moves and deletions are refused until it is replaced.

CREATE TABLE content_hold (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Who holds: one change.
    holder uuid NOT NULL,
    image uuid NOT NULL,
    -- By this a reader knows what it has not seen yet.
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    held_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
CREATE INDEX content_hold_by_holder ON content_hold (holder);
CREATE INDEX content_hold_by_xid ON content_hold (xid);
CREATE INDEX content_hold_open ON content_hold (image, held_at) WHERE ended_at IS NULL;
CREATE INDEX content_hold_by_end ON content_hold (ended_at) WHERE ended_at IS NOT NULL;

-- One row. `read_window` is the same for all who read and change; it is made shorter only while nobody is connected.
-- Zero: no clock is trusted, each read waits for a poll that begins after it. `forgotten`: the highest xid of a hold
-- whose row is gone; who may have missed one remembers nothing.
CREATE TABLE content_coherence (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    read_window interval NOT NULL DEFAULT '50 milliseconds' CHECK (read_window BETWEEN '0' AND '5 seconds'),
    forgotten xid8 NOT NULL DEFAULT '0'
);
INSERT INTO content_coherence DEFAULT VALUES;

-- Always empty for everyone else: whoever commits a row here is refused.
CREATE UNLOGGED TABLE unheld_change (image uuid NOT NULL);

CREATE FUNCTION refuse_unheld_change() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION 'what readers may remember of an image was changed without a hold' USING
        ERRCODE = 'MRH01', DETAIL = (SELECT string_agg(DISTINCT image::text, ',') FROM unheld_change);
END $$;
CREATE CONSTRAINT TRIGGER unheld_change_is_refused AFTER INSERT ON unheld_change
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unheld_change();

-- `moorage.held` lists the images whose holds this transaction has ended (content_holds.py).
CREATE FUNCTION owe_holds(images uuid[]) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO unheld_change (image)
    SELECT DISTINCT image FROM unnest(images) AS image
    WHERE image::text <> ALL (string_to_array(coalesce(current_setting('moorage.held', true), ''), ','));
END $$;

CREATE FUNCTION hold_what_is_gone() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM owe_holds(array(SELECT DISTINCT image FROM gone));
    RETURN NULL;
END $$;
CREATE TRIGGER tag_needs_hold AFTER DELETE ON tag
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION hold_what_is_gone();
CREATE TRIGGER manifest_needs_hold AFTER DELETE ON manifest
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION hold_what_is_gone();
CREATE TRIGGER blob_link_needs_hold AFTER DELETE ON blob_link
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION hold_what_is_gone();

CREATE FUNCTION hold_what_moves() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM owe_holds(ARRAY[NEW.image]);
    RETURN NULL;
END $$;
CREATE TRIGGER moved_tag_needs_hold AFTER UPDATE ON tag FOR EACH ROW
    WHEN ((OLD.digest, OLD.token, OLD.token_is_local) IS DISTINCT FROM (NEW.digest, NEW.token, NEW.token_is_local))
    EXECUTE FUNCTION hold_what_moves();
CREATE TRIGGER changed_manifest_needs_hold AFTER UPDATE ON manifest FOR EACH ROW
    WHEN (
        (OLD.media_type, OLD.token, OLD.token_is_local) IS DISTINCT FROM (NEW.media_type, NEW.token, NEW.token_is_local)
    )
    EXECUTE FUNCTION hold_what_moves();

-- The stronger lock waits for links that are being made, and keeps new ones waiting: their images are held too.
CREATE FUNCTION hold_who_links() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM blob WHERE digest = NEW.digest FOR UPDATE;
    PERFORM owe_holds(array(SELECT image FROM blob_link WHERE digest = NEW.digest));
    RETURN NULL;
END $$;
CREATE TRIGGER changed_blob_needs_hold AFTER UPDATE ON blob FOR EACH ROW
    WHEN ((OLD.key, OLD.size, OLD.damage) IS DISTINCT FROM (NEW.key, NEW.size, NEW.damage))
    EXECUTE FUNCTION hold_who_links();
