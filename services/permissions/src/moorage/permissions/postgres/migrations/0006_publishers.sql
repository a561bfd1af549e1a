-- Who may publish an image beside its repository's writers (authorization.md §1.8).
-- Safe before the code that needs it: everything new has a value that says nothing.
--
-- publishers: a list of {"environment": uuid} or {"any_pipeline": true}, each with optional "branches".
-- What is kept of the past has the columns of its table, in their order.

ALTER TABLE image ADD COLUMN publishers jsonb NOT NULL DEFAULT '[]';
ALTER TABLE image_past ADD COLUMN publishers jsonb NOT NULL DEFAULT '[]';

ALTER TABLE workspace
    ADD COLUMN default_publishers jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN pipeline_create boolean NOT NULL DEFAULT false;
ALTER TABLE workspace_past
    ADD COLUMN default_publishers jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN pipeline_create boolean NOT NULL DEFAULT false;
