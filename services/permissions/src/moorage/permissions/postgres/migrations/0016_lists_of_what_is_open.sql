-- A list finds what is open to others than the readers of a repository, without looking at all images of a workspace.
-- Safe before the code that needs it: indexes only. Making them stops changes of images and repositories for a second a million.

CREATE INDEX image_open_by_visibility ON image (ws, visibility, name) WHERE visibility <> 'inherit' AND state <> 'deleted';
CREATE INDEX image_open_to_consumers ON image (ws, name) WHERE consumer_repositories <> '{}' AND state <> 'deleted';
CREATE INDEX repository_of_project ON repository (project);
