"""What happens to a world's images as its history goes on: a naive reading of authorization.md §1.7 and §1.9."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from access_rules.world import Event, World
from moorage.access.image import ImageRecord, ImageState, PublishingDefaults, Visibility

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
class Delete:
    """The image called `name` is deleted by one of its admins."""

    name: str


@dataclass(frozen=True, slots=True)
class Restore:
    """The image that was called `name` is restored; no other one has the name."""

    name: str


@dataclass(frozen=True, slots=True)
class Allow:
    """A workspace starts or stops to allow public images."""

    workspace: UUID
    public: bool


@dataclass(frozen=True, slots=True)
class Configure:
    """A workspace says who publishes its new images; `fields` are those of PublishingDefaults."""

    workspace: UUID
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Elapse:
    """Time passes."""

    time: timedelta


Step = Learn | Create | Change | Relink | Delete | Restore | Allow | Configure | Elapse


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
        case Delete(name):
            return _edit(world, name, {"state": ImageState.DELETED})
        case Restore(name):
            image = next(image for image in world.images if image.name == name)
            state = ImageState.DETACHED if image.deadline else ImageState.ACTIVE
            return _edit(world, name, {"state": state, "link_gen": image.link_gen + 1})
        case Allow(workspace, public):
            others = world.allow_public - {workspace}
            return replace(world, allow_public=others | {workspace} if public else others)
        case Configure(workspace, fields):
            said = replace(world.publishing.get(workspace, PublishingDefaults()), **fields)
            return replace(world, publishing={**world.publishing, workspace: said})
        case Elapse(time):
            return _expire(replace(world, now=world.now + time))


AFTER_RELINK: Mapping[str, Any] = {
    "visibility": Visibility.INHERIT,
    "consumer_repositories": frozenset(),
    "publishers": (),
    "state": ImageState.ACTIVE,
    "deadline": None,
    "pull_grace_until": None,
}


def _edit(world: World, name: str, fields: Mapping[str, Any]) -> World:
    images = [replace(image, **fields) if image.name == name else image for image in world.images]
    return replace(world, images=tuple(images))


def _settle(world: World, event: Event) -> World:
    """A repository that leaves active and archived detaches its images; one that is undeleted takes them back.

    So it is with deleted ones: they stay deleted, and come back as what they would be.
    """
    data = event["data"]
    if not event["subject"].startswith("re:"):
        return world
    images = [_moor(i, data, world) if str(i.repository) == data["id"] else i for i in world.images]
    return replace(world, images=tuple(images))


def _moor(image: ImageRecord, data: Mapping[str, Any], world: World) -> ImageRecord:
    here, alive = str(image.workspace) == data["workspace"], data["state"] in ("active", "archived")
    gone = not alive if here else data["state"] != "transferred"
    deleted = image.state is ImageState.DELETED
    if image.state in (ImageState.ACTIVE, ImageState.DELETED) and image.deadline is None and gone:
        end, grace = world.now + DEADLINE, world.now + PULL_GRACE
        state = ImageState.DELETED if deleted else ImageState.DETACHED
        return replace(image, state=state, deadline=end, pull_grace_until=grace)
    detached = image.state is ImageState.DETACHED or (deleted and image.deadline is not None)
    if detached and here and alive and not _was_transferred(image, world):
        state = ImageState.DELETED if deleted else ImageState.ACTIVE
        return replace(image, state=state, deadline=None, pull_grace_until=None)
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
