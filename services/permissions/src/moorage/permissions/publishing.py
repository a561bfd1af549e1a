"""Publishers as they are set: every environment is there, and is the repository's (authorization.md §1.8)."""

from collections.abc import Iterable

from moorage.access.problems import InputInvalid
from moorage.access.publisher_body import PublisherBody
from moorage.access.publishers import Publisher, environments
from moorage.permissions.ports import Deciding
from moorage.permissions.records import Repository, Workspace


async def checked(
    view: Deciding, workspace: Workspace, wanted: Iterable[PublisherBody], repository: Repository | None = None
) -> tuple[Publisher, ...]:
    """What is wanted, if its environments are live ones of the repository, or of the workspace. Raises InputInvalid."""
    publishers = tuple(dict.fromkeys(each.value() for each in wanted))
    fit = await _fitting(view, workspace, publishers, repository)
    for place, publisher in enumerate(publishers):
        if publisher not in fit:
            whose = "the image's repository" if repository else f"workspace {workspace.slug}"
            message = f"{whose} has no environment {publisher.environment}"
            raise InputInvalid(message, errors=[{"at": f"publishers.{place}.environment", "message": message}])
    return publishers


async def of_new_image(view: Deciding, workspace: Workspace, repository: Repository) -> tuple[Publisher, ...]:
    """The workspace's default publishers, less the environments of other repositories."""
    return await _fitting(view, workspace, workspace.publishing.publishers, repository)


async def _fitting(
    view: Deciding, workspace: Workspace, publishers: tuple[Publisher, ...], repository: Repository | None
) -> tuple[Publisher, ...]:
    homes = {}
    for environment in environments(publishers):
        found = await view.hierarchy.environment(workspace.alias, environment)
        homes[environment] = found.repository if found and found.state.carries_roles else None

    def fits(publisher: Publisher) -> bool:
        home = homes[publisher.environment] if publisher.environment else None
        return publisher.environment is None or (home is not None and (repository is None or home == repository.id))

    return tuple(each for each in publishers if fits(each))
