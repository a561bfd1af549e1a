-- Whether local facts decided the push, because the authority was away: then the token may be lower than the position
-- at which it happened, and what was pushed is protected only as far as those facts were fresh (authorization.md §3.5).

ALTER TABLE manifest ADD COLUMN token_is_local boolean NOT NULL DEFAULT false;
ALTER TABLE tag ADD COLUMN token_is_local boolean NOT NULL DEFAULT false;
