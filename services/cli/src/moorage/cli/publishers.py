"""Publishers as people type them: `ENVIRONMENT` or `any`, and behind a colon the branches, with commas between."""

import json
from typing import TYPE_CHECKING, Any

from moorage.access.publishers import check_glob
from moorage.cli.arguments import identifier
from moorage.cli.failure import UsageInvalid

if TYPE_CHECKING:
    from moorage.access.publisher_body import PublisherBody

ANY = "any"
HELP = (
    "Who publishes: ENVIRONMENT[:BRANCHES] with the environment's id, or any[:BRANCHES] for pipelines without one. "
    "BRANCHES are globs, e.g. main,release/* (* stays in one segment, ** does not). Again for each; replaces the list."
)


def publisher(text: str) -> "PublisherBody":
    """The publisher that `text` spells. Raises UsageInvalid."""
    from moorage.access.publisher_body import PublisherBody

    where, _, branches = text.partition(":")
    globs = tuple(_glob(each) for each in branches.split(",")) if branches else ()
    if where == ANY:
        return PublisherBody(any_pipeline=True, branches=globs)
    environment = identifier(where, f"Write the environment's UUID, or {ANY} for pipelines without an environment.")
    return PublisherBody(environment=environment, branches=globs)


def spelt(body: "PublisherBody") -> str:
    """The publisher as it is typed."""
    where = str(body.environment) if body.environment else ANY
    return f"{where}:{','.join(body.branches)}" if body.branches else where


def written(bodies: "list[PublisherBody] | None") -> list[dict[str, Any]] | None:
    """The list as the management API takes it; None stays None."""
    return None if bodies is None else [each.model_dump(mode="json", exclude_defaults=True) for each in bodies]


def publishers(given: list[str], none: bool) -> "list[PublisherBody] | None":
    """The list that replaces the old one; None leaves it. Raises UsageInvalid."""
    if given and none:
        raise UsageInvalid("Publishers and no publishers were asked for.", "Leave out one of the two options.")
    return list(map(publisher, given)) if given or none else None


def _glob(text: str) -> str:
    try:
        return check_glob(text.strip())
    except ValueError as error:
        raise UsageInvalid(
            f"{json.dumps(text)} is no branch glob: {error}.", "Write for example main,release/*."
        ) from None
