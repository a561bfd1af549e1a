"""What may happen to an image record, as new records from old ones (authorization.md §1.7, §1.9)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from moorage.access.image import ImageRecord, ImageState, NodeState, PushPolicy, Visibility
from moorage.permissions.records import DetachCause, Image, Origin, Repository, Workspace

DETACHED_FOR: Final = timedelta(days=30)
PULL_GRACE: Final = timedelta(hours=72)
_NARROWNESS: Final = {PushPolicy.REPOSITORY_WRITE: 0, PushPolicy.PIPELINES_ONLY: 1, PushPolicy.ADMINS_ONLY: 2}


def created(
    alias: int, id: UUID, workspace: Workspace, name: str, repository: Repository, origin: Origin, now: datetime
) -> Image:
    """A new record with the workspace's default push policy."""
    record = ImageRecord(id, workspace.id, name, repository.id, push_policy=workspace.default_push_policy)
    return Image(alias, record, repository, workspace.slug, workspace.alias, origin, now)


def set_to(image: Image, visibility: Visibility | None, push_policy: PushPolicy | None) -> Image:
    """The record with what is given; equal to the old one if nothing differs."""
    record = image.record
    changed = replace(record, visibility=visibility or record.visibility, push_policy=push_policy or record.push_policy)
    return replace(image, record=changed)


def may_narrow_to(policy: PushPolicy, default: PushPolicy) -> bool:
    """Whether an image may have this policy in a workspace with that default."""
    return _NARROWNESS[policy] >= _NARROWNESS[default]


def relinked(image: Image, repository: Repository, visibility: Visibility | None) -> Image:
    """The record linked elsewhere; the same link of an active image is no change."""
    record = image.record
    if record.repository == repository.id and record.state is ImageState.ACTIVE:
        return set_to(image, visibility, None)
    changed = replace(
        record,
        repository=repository.id,
        link_gen=record.link_gen + 1,
        visibility=visibility or Visibility.INHERIT,
        consumer_repositories=frozenset(),
        state=ImageState.ACTIVE,
        deadline=None,
        pull_grace_until=None,
    )
    return replace(image, record=changed, repository=repository, detached_by=None)


def deleted(image: Image) -> Image:
    """The record without a claim on its name."""
    return replace(image, record=replace(image.record, state=ImageState.DELETED))


def detached(image: Image, cause: DetachCause, now: datetime) -> Image:
    """The record after its repository has gone; only an active one is detached."""
    if image.record.state is not ImageState.ACTIVE:
        return image
    record = replace(
        image.record, state=ImageState.DETACHED, deadline=now + DETACHED_FOR, pull_grace_until=now + PULL_GRACE
    )
    return replace(image, record=record, detached_by=cause)


def restored(image: Image, now: datetime) -> Image:
    """The record after its deleted repository has come back before the deadline; else the same record."""
    deadline = image.record.deadline
    if image.detached_by is not DetachCause.REPOSITORY_DELETED or deadline is None or deadline <= now:
        return image
    record = replace(image.record, state=ImageState.ACTIVE, deadline=None, pull_grace_until=None)
    return replace(image, record=record, detached_by=None)


def expired(image: Image) -> Image:
    """The record after its deadline."""
    return replace(image, record=replace(image.record, state=ImageState.EXPIRED))


def after_repository(image: Image, before: NodeState, after: NodeState, now: datetime) -> Image:
    """The record after its repository went from one state to another."""
    if before.carries_roles and not after.carries_roles:
        transferred = after is NodeState.TRANSFERRED
        cause = DetachCause.REPOSITORY_TRANSFERRED if transferred else DetachCause.REPOSITORY_DELETED
        return detached(image, cause, now)
    if not before.carries_roles and after.carries_roles:
        return restored(image, now)
    return image
