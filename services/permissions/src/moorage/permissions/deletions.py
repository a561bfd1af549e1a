"""What follows the deletion of an image: it is restored, or its content is dropped for good (authorization.md §1.9)."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from moorage.access import deletion_wire, rules, wire
from moorage.access.action import Action
from moorage.access.audit import Deed
from moorage.access.consistency import ConsistencyToken
from moorage.access.principal import Identity
from moorage.access.problems import AlreadyExists, InputInvalid, NotFound
from moorage.access.reason import Reason
from moorage.oci.errors import NameInvalid
from moorage.oci.reference import ImageName
from moorage.permissions import image_changes
from moorage.permissions.aging import Aging
from moorage.permissions.audited import About, audited
from moorage.permissions.bodies import image_body
from moorage.permissions.check import decide_image, standing_in, standing_on
from moorage.permissions.images import store, workspace_named, workspace_of
from moorage.permissions.ports import Change, Ledger, View
from moorage.permissions.records import Image, Workspace
from moorage.permissions.refusals import missing, refusal
from moorage.permissions.stores import NameTaken
from moorage.runtime.clock import Clock

_CHUNK: Final = 500
_FIRST: Final = ("", UUID(int=0))


class Deletions:
    """The use cases of images that were deleted. Who deletes an image may restore it, and sees it among the deleted."""

    def __init__(self, ledger: Ledger, clock: Clock, aging: Aging | None = None) -> None:
        self._ledger = ledger
        self._clock = clock
        self._aging = aging or Aging()

    async def restore(self, request: deletion_wire.RestoreImageRequest) -> wire.ImageBody:
        """The record as it is again; one that is not deleted stays as it is.

        Raises AlreadyExists (another image has the name), Forbidden, NotFound (also once it is too late).
        """
        async with self._ledger.changing() as change:
            change.log.by = str(request.identity.value().principal)
            image = await change.images.by_id(request.id)
            if image is None:
                raise missing(request.identity.value())
            back = image_changes.undeleted(image) if image.deletion else image
            await self._require(change, request.identity.value(), back)
            if back is image:
                return image_body(image, change.log.token)
            if not image.restorable(self._clock.now()):
                raise NotFound("the time in which this image could be restored is over")
            about, now = About.of_image(image), self._clock.now()
            decision = await audited(change, request.identity, Deed.RESTORE_IMAGE, about, change.log.token, now)
            return image_body(await _kept(change, back), change.log.token).by(decision)

    async def page(self, request: deletion_wire.ListDeletedImagesRequest) -> wire.ListImagesAnswer:
        """One page of what `identity` can restore, by name. Raises NotFound for a workspace that does not exist."""
        identity, after = request.identity.value(), _cursor(request)
        found: list[Image] = []
        async with self._ledger.viewing() as view:
            workspace = await workspace_named(view, request.workspace)
            while len(found) <= request.limit:
                chunk = await view.images.restorable(workspace.alias, after, self._clock.now(), _CHUNK)
                found += await self._administered(view, identity, workspace, chunk)
                if len(chunk) < _CHUNK:
                    break
                after = (chunk[-1].record.name, chunk[-1].record.id)
            return _page(found, request.limit, view.token)

    async def purgeable(self, request: deletion_wire.PurgeableRequest) -> deletion_wire.PurgeableAnswer:
        """Images whose content is to be dropped: from now on they are never restored. They are told until `purged`."""
        now = self._clock.now()
        async with self._ledger.viewing() as view:
            if not await view.images.to_purge(now, 1):
                return deletion_wire.PurgeableAnswer(images=[])
        async with self._ledger.changing() as change:
            return deletion_wire.PurgeableAnswer(images=list(await change.images.begin_purge(now, request.limit)))

    async def purged(self, request: deletion_wire.PurgedRequest) -> deletion_wire.PurgedAnswer:
        """The content of these is gone. Told again, or of an image that was not `purgeable`, it has no effect."""
        async with self._ledger.changing() as change:
            return deletion_wire.PurgedAnswer(purged=await change.images.end_purge(request.images))

    async def _require(self, change: Change, identity: Identity, back: Image) -> None:
        """Raises what a deletion of the restored image would."""
        workspace, now = await workspace_of(change, back), self._clock.now()
        await self._aging.require(change, workspace, Action.DELETE, now)
        outcome = await decide_image(change, identity, workspace, back, Action.DELETE, now)
        if outcome.reason is not Reason.OK:
            problem = refusal(outcome.reason, outcome.readable, f"{workspace.slug}/{back.record.name}")
            problem.position, problem.judged = change.log.token, outcome.reason
            raise problem

    async def _administered(
        self, view: View, identity: Identity, workspace: Workspace, images: Sequence[Image]
    ) -> list[Image]:
        facts = await standing_in(view, identity, workspace, [image.repository for image in images])
        now = self._clock.now()

        def administered(image: Image) -> bool:
            standing = standing_on(facts, identity, workspace, image.repository, image.record.id)
            back = image_changes.undeleted(image).record
            return rules.decide(Action.DELETE, identity, standing, back, now).reason is Reason.OK

        return [image for image in images if administered(image)]


async def _kept(change: Change, back: Image) -> Image:
    try:
        return await store(change, back)
    except NameTaken:
        name = f"{back.workspace_slug}/{back.record.name}"
        raise AlreadyExists(f"another image is called {name} by now; delete that one to restore this one") from None


def _cursor(request: deletion_wire.ListDeletedImagesRequest) -> tuple[str, UUID]:
    """Name and id after which the page begins. Raises InputInvalid for what no answer ever gave."""
    if not request.cursor:
        return _FIRST
    name, _, id = request.cursor.rpartition("~")
    try:
        return ImageName.parse(f"{request.workspace}/{name}").image, UUID(id)
    except (NameInvalid, ValueError):
        raise InputInvalid("this cursor was not given by an earlier page") from None


def _page(found: Sequence[Image], limit: int, token: ConsistencyToken) -> wire.ListImagesAnswer:
    shown = found[:limit]
    more = len(found) > limit
    return wire.ListImagesAnswer(
        images=[image_body(image) for image in shown],
        cursor=f"{shown[-1].record.name}~{shown[-1].record.id}" if more else None,
        token=str(token),
    )
