"""What may happen to an image record, as new records from old ones (authorization.md §1.7, §1.9)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from moorage.access.image import ImageRecord, ImageState, NodeState, PushPolicy, Visibility
from moorage.access.publishers import Publisher
from moorage.permissions.records import Deletion, DetachCause, Image, Origin, Repository, Workspace

DETACHED_FOR: Final = timedelta(days=30)
PULL_GRACE: Final = timedelta(hours=72)
UNDO_WINDOW: Final = timedelta(hours=24)
SETTLED_AFTER: Final = timedelta(minutes=15)
"""What is pushed by rights of just before a deletion has arrived by then, and is dropped with the rest."""


_DETACHED: Final = {ImageState.ACTIVE: ImageState.DETACHED, ImageState.DELETED: ImageState.DELETED}


def created(
    alias: int,
    id: UUID,
    workspace: Workspace,
    name: str,
    repository: Repository,
    origin: Origin,
    now: datetime,
    publishers: tuple[Publisher, ...] = (),
) -> Image:
    """A new record with the workspace's default push policy."""
    policy = workspace.publishing.policy
    record = ImageRecord(id, workspace.id, name, repository.id, push_policy=policy, publishers=publishers)
    return Image(alias, record, repository, workspace.slug, workspace.alias, origin, now)


def set_to(
    image: Image,
    visibility: Visibility | None = None,
    push_policy: PushPolicy | None = None,
    publishers: tuple[Publisher, ...] | None = None,
    consumer_repositories: frozenset[UUID] | None = None,
    admin_override: bool | None = None,
) -> Image:
    """The record with what is given; equal to the old one if nothing differs."""
    record = image.record
    consumers = record.consumer_repositories if consumer_repositories is None else consumer_repositories
    changed = replace(
        record,
        visibility=visibility or record.visibility,
        push_policy=push_policy or record.push_policy,
        publishers=record.publishers if publishers is None else publishers,
        consumer_repositories=consumers,
        admin_override=record.admin_override if admin_override is None else admin_override,
    )
    return replace(image, record=changed)


def relinked(image: Image, repository: Repository, visibility: Visibility | None) -> Image:
    """The record linked elsewhere, published and consumed by nobody yet; an active image's own link is no change."""
    record = image.record
    if record.repository == repository.id and record.state is ImageState.ACTIVE:
        return set_to(image, visibility)
    changed = replace(
        record,
        repository=repository.id,
        link_gen=record.link_gen + 1,
        visibility=visibility or Visibility.INHERIT,
        consumer_repositories=frozenset(),
        publishers=(),
        state=ImageState.ACTIVE,
        deadline=None,
        pull_grace_until=None,
    )
    return replace(image, record=changed, repository=repository, detached_by=None)


def deleted(image: Image, now: datetime, undo_window: timedelta = UNDO_WINDOW) -> Image:
    """The record without a claim on its name; its content stays for as long as it can be restored."""
    undo_until = now + undo_window
    record = replace(image.record, state=ImageState.DELETED)
    purge_at = max(undo_until, now + SETTLED_AFTER)
    return replace(image, record=record, deletion=Deletion(now, undo_until), purge_at=purge_at)


def undeleted(image: Image) -> Image:
    """The deleted record as it comes back: detached if its repository is gone. Open sessions are of a former link."""
    state = ImageState.DETACHED if image.detached_by else ImageState.ACTIVE
    record = replace(image.record, state=state, link_gen=image.record.link_gen + 1)
    return replace(image, record=record, deletion=None, purge_at=None)


def detached(image: Image, cause: DetachCause, now: datetime) -> Image:
    """The record after its repository has gone; only an active one is detached, or a deleted one that was active."""
    state = _DETACHED.get(image.record.state)
    if state is None or image.detached_by:
        return image
    record = replace(image.record, state=state, deadline=now + DETACHED_FOR, pull_grace_until=now + PULL_GRACE)
    return replace(image, record=record, detached_by=cause)


def restored(image: Image, now: datetime) -> Image:
    """The record after its deleted repository has come back before the deadline; else the same record."""
    deadline = image.record.deadline
    if image.detached_by is not DetachCause.REPOSITORY_DELETED or deadline is None or deadline <= now:
        return image
    state = ImageState.DELETED if image.deletion else ImageState.ACTIVE
    record = replace(image.record, state=state, deadline=None, pull_grace_until=None)
    return replace(image, record=record, detached_by=None)


def expired(image: Image) -> Image:
    """The record after its deadline, for good."""
    record = replace(image.record, state=ImageState.EXPIRED)
    return replace(image, record=record, purge_at=record.deadline)


def after_repository(image: Image, before: NodeState, after: NodeState, now: datetime) -> Image:
    """The record after its repository went from one state to another."""
    if before.carries_roles and not after.carries_roles:
        transferred = after is NodeState.TRANSFERRED
        cause = DetachCause.REPOSITORY_TRANSFERRED if transferred else DetachCause.REPOSITORY_DELETED
        return detached(image, cause, now)
    if not before.carries_roles and after.carries_roles:
        return restored(image, now)
    return image
