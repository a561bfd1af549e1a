"""What an admin sets on an image, checked against the workspace before it is kept (authorization.md §1.6, §1.8)."""

from collections.abc import Sequence
from uuid import UUID

from moorage.access import push_rules, rules, wire
from moorage.access.action import Action
from moorage.access.principal import Identity
from moorage.access.problems import InputInvalid
from moorage.access.role import Role
from moorage.permissions import image_changes, publishing
from moorage.permissions.check import standing_in, standing_on
from moorage.permissions.ports import Deciding
from moorage.permissions.records import Image, Workspace


async def settled(view: Deciding, request: wire.SetImageRequest, image: Image, workspace: Workspace) -> Image:
    """The image as it is asked for. Raises InputInvalid, with `errors` that say where."""
    default, identity = workspace.publishing.policy, request.identity.value()
    if request.push_policy and not push_rules.may_narrow_to(request.push_policy, default):
        raise _invalid("push_policy", f"the workspace's default, {default}, may only be narrowed")
    publishers = consumers = None
    if request.publishers is not None:
        publishers = await publishing.checked(view, workspace, request.publishers, image.repository)
    if request.consumer_repositories is not None:
        consumers = await _repositories(view, identity, workspace, request.consumer_repositories)
    settings = (request.visibility, request.push_policy, publishers, consumers, request.admin_override)
    return image_changes.set_to(image, *settings)


def as_uuid(text: str) -> UUID | None:
    """The UUID that the text spells, if it spells one."""
    try:
        return UUID(text)
    except ValueError:
        return None


async def _repositories(
    view: Deciding, identity: Identity, workspace: Workspace, wanted: Sequence[str]
) -> frozenset[UUID]:
    """Their ids. A UUID stands for itself, known or not; a slug for a repository that who asks may read."""
    ids = set()
    for place, each in enumerate(wanted):
        id = as_uuid(each) or await _readable(view, identity, workspace, each)
        if id is None:
            message = f"no repository {each[:255]!r} is available to you in this workspace"
            raise _invalid(f"consumer_repositories.{place}", message)
        ids.add(id)
    return frozenset(ids)


async def _readable(view: Deciding, identity: Identity, workspace: Workspace, slug: str) -> UUID | None:
    repository = await view.hierarchy.repository_by_slug(workspace.alias, slug)
    if repository is None:
        return None
    facts = await standing_in(view, identity, workspace, [repository])
    standing = standing_on(facts, identity, workspace, repository, None)
    return repository.id if rules.capped_role(Action.PULL, identity, standing) >= Role.READ else None


def _invalid(place: str, message: str) -> InputInvalid:
    return InputInvalid(message, errors=[{"at": place, "message": message}])
