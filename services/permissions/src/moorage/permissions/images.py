"""Image records: created, changed, relinked and deleted, each decided and done in one change (§1.7)."""

from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from moorage.access import rules, wire
from moorage.access.action import Action
from moorage.access.audit import Deed
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import EntityKind
from moorage.access.image import ImageRecord, ImageState
from moorage.access.principal import Identity
from moorage.access.problems import AlreadyExists, InputInvalid, NotFound, Problem
from moorage.access.reason import Reason
from moorage.oci.errors import NameInvalid
from moorage.oci.reference import ImageName
from moorage.permissions import image_changes, image_settings, publishing, rows
from moorage.permissions.aging import Aging
from moorage.permissions.audited import About, audited
from moorage.permissions.bodies import image_body
from moorage.permissions.check import Outcome, answer, decide, decide_image, named_repository, standing_in, standing_on
from moorage.permissions.ports import Change, Deciding, Ledger
from moorage.permissions.records import Image, Origin, Repository, Workspace
from moorage.permissions.refusals import missing, refusal
from moorage.permissions.slots import Entity
from moorage.permissions.stores import NameTaken
from moorage.runtime.clock import Clock

_NIL: Final = UUID(int=0)
OfImage = wire.SetImageRequest | wire.RelinkImageRequest | wire.DeleteImageRequest


class Images:
    """The use cases of image records."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        aging: Aging | None = None,
        undo_window: timedelta = image_changes.UNDO_WINDOW,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._aging = aging or Aging()
        self._undo_window = undo_window

    async def first_push(self, request: wire.FirstPushRequest) -> wire.CheckAnswer:
        """The decision to push; creates the record if there is none and §1.7 says so. Raises InputInvalid (name)."""
        identity, now = request.identity.value(), self._clock.now()
        name = _name(request.workspace, request.image)
        async with self._ledger.viewing() as view:
            await self._aging.require(view, await view.hierarchy.workspace(request.workspace), Action.PUSH, now)
            outcome = await decide(view, identity, request.workspace, request.image, Action.PUSH, now)
            if outcome.image or outcome.reason is not Reason.OK:
                return answer(outcome, view.token, name)
        # Only who may create comes here; what was seen may have changed, so it is decided again under the lock.
        async with self._ledger.changing() as change:
            change.log.by = str(identity.principal)
            outcome = await decide(change, identity, request.workspace, request.image, Action.PUSH, now)
            if outcome.image is None and outcome.reason is Reason.OK:
                outcome = await self._create_pushed(change, identity, request)
            return answer(outcome, change.log.token, name)

    async def _create_pushed(self, change: Change, identity: Identity, request: wire.FirstPushRequest) -> Outcome:
        workspace = await workspace_named(change, request.workspace)
        repository = await named_repository(change, identity, workspace, request.image)
        if repository is None:
            raise NotFound("the repository is gone")
        decided_at = change.log.token
        image = await self._create(change, workspace, request.image, repository, Origin.FIRST_PUSH)
        await self._created(change, request.identity, image, decided_at)
        return await decide_image(change, identity, workspace, image, Action.PUSH, self._clock.now())

    async def create(self, request: wire.CreateImageRequest) -> wire.ImageBody:
        """A record linked to the repository. Raises InputInvalid (name), AlreadyExists, Forbidden, NotFound."""
        identity = request.identity.value()
        name = _name(request.workspace, request.image)
        async with self._ledger.changing() as change:
            change.log.by = str(identity.principal)
            workspace = await workspace_named(change, request.workspace)
            await self._aging.require(change, workspace, Action.MANAGE, self._clock.now())
            repository = await self._managed_repository(change, identity, workspace, request.repository, name)
            decided_at = change.log.token
            image = await self._create(change, workspace, request.image, repository, Origin.API)
            decision = await self._created(change, request.identity, image, decided_at)
            return image_body(image, change.log.token).by(decision)

    async def set(self, request: wire.SetImageRequest) -> wire.ImageBody:
        """The record after the change. Raises InputInvalid (policy, environment, repository), Forbidden, NotFound."""
        async with self._ledger.changing() as change:
            change.log.by = str(request.identity.value().principal)
            image, workspace = await self._permitted(change, request.identity.value(), request.id, Action.MANAGE)
            decision = await self._audited(change, request, Deed.SET_IMAGE, image)
            changed = await image_settings.settled(change, request, image, workspace)
            return (await self._changed(change, image, changed)).by(decision)

    async def relink(self, request: wire.RelinkImageRequest) -> wire.ImageBody:
        """The record linked to another repository: ADMIN on both. Raises Forbidden, NotFound."""
        identity = request.identity.value()
        async with self._ledger.changing() as change:
            change.log.by = str(identity.principal)
            image, workspace = await self._permitted(change, identity, request.id, Action.MANAGE)
            name = f"{workspace.slug}/{image.record.name}"
            repository = await self._managed_repository(change, identity, workspace, request.repository, name)
            decision = await self._audited(change, request, Deed.RELINK_IMAGE, image)
            relinked = image_changes.relinked(image, repository, request.visibility)
            return (await self._changed(change, image, relinked)).by(decision)

    async def delete(self, request: wire.DeleteImageRequest) -> wire.ImageBody:
        """The record as it was deleted: its name is free at once, for a while it can be restored.

        Raises Forbidden, NotFound.
        """
        async with self._ledger.changing() as change:
            change.log.by = str(request.identity.value().principal)
            image, _ = await self._permitted(change, request.identity.value(), request.id, Action.DELETE)
            decision = await self._audited(change, request, Deed.DELETE_IMAGE, image)
            gone = image_changes.deleted(image, self._clock.now(), self._undo_window)
            return (await self._changed(change, image, gone)).by(decision)

    async def expire_overdue(self, limit: int = 500) -> int:
        """Ends detached images whose deadline has passed (§1.9); answers how many."""
        async with self._ledger.changing() as change:
            overdue = await change.images.overdue(self._clock.now(), limit)
            for image in overdue:
                await store(change, image_changes.expired(image))
            return len(overdue)

    async def _create(
        self, change: Change, workspace: Workspace, name: str, repository: Repository, origin: Origin
    ) -> Image:
        id = uuid4()
        entity = Entity(EntityKind.IMAGE, workspace.id, id)
        alias = (await change.facts.intern([entity]))[entity]
        publishers = await publishing.of_new_image(change, workspace, repository)
        now = self._clock.now()
        image = image_changes.created(alias, id, workspace, name, repository, origin, now, publishers)
        image = _stamped(image, change.log.token.seq + 1)
        try:
            await change.images.add(image)
        except NameTaken:
            raise AlreadyExists(f"{workspace.slug}/{name} exists; choose another name") from None
        change.log.append(rows.image_row(image))
        return image

    async def _created(
        self, change: Change, who: wire.IdentityBody, image: Image, decided_at: ConsistencyToken
    ) -> UUID:
        said = {"repository": image.record.repository, "origin": image.origin}
        now = self._clock.now()
        return await audited(change, who, Deed.CREATE_IMAGE, About.of_image(image), decided_at, now, said)

    async def _audited(self, change: Change, request: OfImage, deed: Deed, image: Image) -> UUID:
        said = request.model_dump(mode="json", exclude={"identity", "id"}, exclude_none=True)
        about, now = About.of_image(image), self._clock.now()
        return await audited(change, request.identity, deed, about, change.log.token, now, said)

    async def _changed(self, change: Change, before: Image, after: Image) -> wire.ImageBody:
        if after != before:
            after = await store(change, after)
        return image_body(after, change.log.token)

    async def _permitted(self, change: Change, identity: Identity, id: UUID, action: Action) -> tuple[Image, Workspace]:
        image = await change.images.by_id(id)
        if image is None or image.record.state in (ImageState.DELETED, ImageState.EXPIRED):
            raise missing(identity)
        workspace = await workspace_of(change, image)
        await self._aging.require(change, workspace, action, self._clock.now())
        outcome = await decide_image(change, identity, workspace, image, action, self._clock.now())
        if outcome.reason is not Reason.OK:
            problem = refusal(outcome.reason, outcome.readable, f"{workspace.slug}/{image.record.name}")
            problem.position, problem.judged = change.log.token, outcome.reason
            raise problem
        return image, workspace

    async def _managed_repository(
        self, change: Change, identity: Identity, workspace: Workspace, wanted: str, name: str
    ) -> Repository:
        """The repository, if `identity` may manage images of it; NotFound to who can't even read there."""
        repository = await find_repository(change, workspace, wanted)
        if repository is None:
            raise _unavailable(wanted)
        facts = await standing_in(change, identity, workspace, [repository])
        standing = standing_on(facts, identity, workspace, repository, None)
        new = ImageRecord(_NIL, workspace.id, "", repository.id)
        verdict = rules.decide(Action.MANAGE, identity, standing, new, self._clock.now())
        if verdict.reason is not Reason.OK:
            problem = refusal(verdict.reason, verdict.readable, name)
            raise _unavailable(wanted) if isinstance(problem, NotFound) else problem
        return repository


async def store(change: Change, image: Image) -> Image:
    """Keeps the changed record and tells of it; answers it with its new acl_seq."""
    stamped = _stamped(image, change.log.token.seq + 1)
    await change.images.put(stamped)
    change.log.append(rows.image_row(stamped))
    return stamped


async def workspace_named(view: Deciding, slug: str) -> Workspace:
    """The workspace. Raises NotFound."""
    workspace = await view.hierarchy.workspace(slug)
    if workspace is None:
        raise NotFound("nothing of this name is available to you")
    return workspace


async def workspace_of(view: Deciding, image: Image) -> Workspace:
    """The image's workspace. Raises NotFound."""
    workspace = await view.hierarchy.workspace_by_id(image.record.workspace)
    if workspace is None:
        raise NotFound("nothing of this name is available to you")
    return workspace


async def find_repository(view: Deciding, workspace: Workspace, wanted: str) -> Repository | None:
    """The repository that a UUID or a slug names; one that is gone is not found."""
    id = image_settings.as_uuid(wanted)
    if id is None:
        return await view.hierarchy.repository_by_slug(workspace.alias, wanted)
    found = await view.hierarchy.repository(workspace.alias, id)
    return found if found and found.state.carries_roles else None


def _stamped(image: Image, seq: int) -> Image:
    return replace(image, record=replace(image.record, acl_seq=seq))


def _unavailable(repository: str) -> Problem:
    return NotFound(f"no repository {repository[:255]!r} is available to you in this workspace")


def _name(workspace: str, image: str) -> str:
    try:
        name = ImageName.parse(f"{workspace}/{image}")
    except NameInvalid as error:
        raise InputInvalid(error.message) from None
    if not name.image:
        raise InputInvalid("an image name needs a part behind the workspace")
    return str(name)
