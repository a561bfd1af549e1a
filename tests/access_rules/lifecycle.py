"""What happens to a world's images as its history goes on: a naive reading of authorization.md §1.7 and §1.9."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from access_rules.world import Event, World
from moorage.access.image import ImageRecord, ImageState, Visibility

PULL_GRACE = timedelta(hours=72)
DEADLINE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Learn:
    """A fact arrives."""

    event: Event


@dataclass(frozen=True, slots=True)
class Create:
    """An image record is created."""

    image: ImageRecord


@dataclass(frozen=True, slots=True)
class Change:
    """Fields of the image called `name` are set."""

    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Relink:
    """The image called `name` is linked to another repository."""

    name: str
    repository: UUID


@dataclass(frozen=True, slots=True)
class Allow:
    """A workspace starts or stops to allow public images."""

    workspace: UUID
    public: bool


@dataclass(frozen=True, slots=True)
class Elapse:
    """Time passes."""

    time: timedelta


Step = Learn | Create | Change | Relink | Allow | Elapse


def play(steps: Iterable[Step]) -> World:
    """The world at the end of a history."""
    world = World(())
    for step in steps:
        world = _follow(world, step)
    return world


def _follow(world: World, step: Step) -> World:
    match step:
        case Learn(event):
            return _settle(replace(world, events=(*world.events, event)), event)
        case Create(image):
            return replace(world, images=(*world.images, image))
        case Change(name, fields):
            return _edit(world, name, fields)
        case Relink(name, repository):
            gen = next(image.link_gen for image in world.images if image.name == name) + 1
            return _edit(world, name, {"repository": repository, "link_gen": gen, **AFTER_RELINK})
        case Allow(workspace, public):
            others = world.allow_public - {workspace}
            return replace(world, allow_public=others | {workspace} if public else others)
        case Elapse(time):
            return _expire(replace(world, now=world.now + time))


AFTER_RELINK: Mapping[str, Any] = {
    "visibility": Visibility.INHERIT,
    "consumer_repositories": frozenset(),
    "state": ImageState.ACTIVE,
    "deadline": None,
    "pull_grace_until": None,
}


def _edit(world: World, name: str, fields: Mapping[str, Any]) -> World:
    images = [replace(image, **fields) if image.name == name else image for image in world.images]
    return replace(world, images=tuple(images))


def _settle(world: World, event: Event) -> World:
    """A repository that leaves active and archived detaches its images; one that is undeleted takes them back."""
    data = event["data"]
    if not event["subject"].startswith("re:"):
        return world
    images = [_moor(i, data, world) if str(i.repository) == data["id"] else i for i in world.images]
    return replace(world, images=tuple(images))


def _moor(image: ImageRecord, data: Mapping[str, Any], world: World) -> ImageRecord:
    here, alive = str(image.workspace) == data["workspace"], data["state"] in ("active", "archived")
    gone = not alive if here else data["state"] != "transferred"
    if image.state is ImageState.ACTIVE and gone:
        end, grace = world.now + DEADLINE, world.now + PULL_GRACE
        return replace(image, state=ImageState.DETACHED, deadline=end, pull_grace_until=grace)
    if image.state is ImageState.DETACHED and here and alive and not _was_transferred(image, world):
        return replace(image, state=ImageState.ACTIVE, deadline=None, pull_grace_until=None)
    return image


def _was_transferred(image: ImageRecord, world: World) -> bool:
    """Whether the repository was ever gone to another workspace, by its own word or by turning up there."""
    told = [event["data"] for event in world.events if event["subject"] == f"re:{image.repository}"]
    return any(data["state"] == "transferred" or data["workspace"] != str(image.workspace) for data in told)


def _expire(world: World) -> World:
    images = [
        replace(image, state=ImageState.EXPIRED)
        if image.state is ImageState.DETACHED and image.deadline is not None and image.deadline <= world.now
        else image
        for image in world.images
    ]
    return replace(world, images=tuple(images))
