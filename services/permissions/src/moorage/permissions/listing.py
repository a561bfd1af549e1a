"""Image records to be looked at: one, or a page of those that who asks may pull, complete at one seq (R80)."""

from collections.abc import Sequence
from typing import Final

from moorage.access import rules, wire
from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.principal import Identity
from moorage.access.problems import InputInvalid
from moorage.oci.errors import NameInvalid
from moorage.oci.reference import ImageName
from moorage.permissions.bodies import image_body
from moorage.permissions.check import decide_image, standing_in, standing_on
from moorage.permissions.images import workspace_named, workspace_of
from moorage.permissions.ports import Ledger, View
from moorage.permissions.records import Image, Workspace
from moorage.permissions.refusals import missing
from moorage.runtime.clock import Clock

_CHUNK: Final = 500


class Listing:
    """Finds and lists image records."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def find(self, request: wire.FindImageRequest) -> wire.ImageBody:
        """The record, by id or by name. Raises NotFound, also if `identity` may not pull."""
        identity = request.identity.value()
        async with self._ledger.viewing() as view:
            image = await self._asked_for(view, request)
            if image is None:
                raise missing(identity)
            workspace = await workspace_of(view, image)
            outcome = await decide_image(view, identity, workspace, image, Action.PULL, self._clock.now())
            if not outcome.readable:
                raise missing(identity)
            return image_body(image, view.token)

    async def page(self, request: wire.ListImagesRequest) -> wire.ListImagesAnswer:
        """One page by name. Raises NotFound for a workspace that does not exist."""
        identity, after = request.identity.value(), _cursor(request)
        found: list[Image] = []
        async with self._ledger.viewing() as view:
            workspace = await workspace_named(view, request.workspace)
            while len(found) <= request.limit:
                chunk = await view.images.page(workspace.alias, after, _CHUNK)
                found += await self._readable(view, identity, workspace, chunk)
                if len(chunk) < _CHUNK:
                    break
                after = chunk[-1].record.name
            return _page(found, request.limit, view.token)

    async def _asked_for(self, view: View, request: wire.FindImageRequest) -> Image | None:
        if request.id is not None:
            return await view.images.by_id(request.id)
        workspace = await view.hierarchy.workspace(request.workspace or "")
        return await view.images.named(workspace.alias, request.image or "") if workspace else None

    async def _readable(
        self, view: View, identity: Identity, workspace: Workspace, images: Sequence[Image]
    ) -> list[Image]:
        facts = await standing_in(view, identity, workspace, [image.repository for image in images])
        now = self._clock.now()

        def readable(image: Image) -> bool:
            standing = standing_on(facts, identity, workspace, image.repository, image.record.id)
            return rules.decide(Action.PULL, identity, standing, image.record, now).readable

        return [image for image in images if readable(image)]


def _cursor(request: wire.ListImagesRequest) -> str:
    """The name after which the page begins. Raises InputInvalid for what no answer ever gave."""
    if not request.cursor:
        return ""
    try:
        return ImageName.parse(f"{request.workspace}/{request.cursor}").image
    except NameInvalid:
        raise InputInvalid("this cursor was not given by an earlier page") from None


def _page(found: Sequence[Image], limit: int, token: ConsistencyToken) -> wire.ListImagesAnswer:
    shown = found[:limit]
    return wire.ListImagesAnswer(
        images=[image_body(image) for image in shown],
        cursor=shown[-1].record.name if len(found) > limit else None,
        token=str(token),
    )
