-- Who ended a credential: what was revoked here stays revoked, whatever its source tells of it later (authorization.md §2.1).
-- Safe before the code that needs it: `active` goes on being all that is looked at, and the former version renews it as ever.
-- What is kept of the past has the columns of its table, in their order.

ALTER TABLE credential ADD COLUMN revoked_here boolean NOT NULL DEFAULT false;
ALTER TABLE credential_past ADD COLUMN revoked_here boolean NOT NULL DEFAULT false;

-- Until now a renewal brought such a credential back. The audit tells which were meant to be at their end; gateways learn it
-- with their next snapshot of the global part.
UPDATE credential SET revoked_here = true, active = false
WHERE ext IN (SELECT (change ->> 'token')::uuid FROM audit WHERE deed = 'revoke-token' AND allow);
