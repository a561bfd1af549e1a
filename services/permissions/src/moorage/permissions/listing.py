"""Image records to be looked at: one, or a page of those that who asks may pull, complete at one seq (R80).

Like any answer they are given on facts that are not too old, or not at all (authorization.md §3.3).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from moorage.access import rules, wire
from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.principal import Identity
from moorage.access.problems import InputInvalid
from moorage.access.reading_wire import ListCatalogRequest
from moorage.oci.errors import NameInvalid
from moorage.oci.reference import ImageName
from moorage.permissions.aging import Aging
from moorage.permissions.bodies import image_body
from moorage.permissions.check import decide_image, standing_in, standing_on
from moorage.permissions.images import workspace_named, workspace_of
from moorage.permissions.ports import Ledger, View
from moorage.permissions.reach import Opened, Reach
from moorage.permissions.records import Image, Workspace
from moorage.permissions.refusals import missing
from moorage.runtime.clock import Clock

MOST_WORKSPACES: Final = 50
"""So many of a catalogue's workspaces are looked into for one page."""
_CHUNK: Final = 500
_END: Final = "~"
"""Sorts behind the name of any image."""


class Listing:
    """Finds and lists image records."""

    def __init__(self, ledger: Ledger, clock: Clock, aging: Aging | None = None) -> None:
        self._ledger = ledger
        self._clock = clock
        self._aging = aging or Aging()

    async def find(self, request: wire.FindImageRequest) -> wire.ImageBody:
        """The record, by id or by name. Raises AuthorityStale, and NotFound, also if `identity` may not pull."""
        identity = request.identity.value()
        async with self._ledger.viewing() as view:
            workspace, image = await self._asked_for(view, request)
            if workspace is None or image is None:
                await self._aging.require(view, workspace, Action.PULL, self._clock.now())
                raise missing(identity)
            outcome = await decide_image(view, identity, workspace, image, Action.PULL, self._clock.now())
            visibility = replace(outcome, workspace=workspace).visibility
            await self._aging.require(view, workspace, Action.PULL, self._clock.now(), visibility)
            if not outcome.readable:
                problem = missing(identity)
                problem.position, problem.judged = view.token, outcome.reason
                raise problem
            return image_body(image, view.token)

    async def page(self, request: wire.ListImagesRequest) -> wire.ListImagesAnswer:
        """One page by name. Raises AuthorityStale, and NotFound for a workspace that does not exist."""
        identity, after = request.identity.value(), _cursor(request)
        async with self._ledger.viewing() as view:
            workspace = await workspace_named(view, request.workspace)
            found = await self._some(view, identity, workspace, after, request.limit + 1)
            shown = found[: request.limit]
            return _page(shown, shown[-1].record.name if len(found) > len(shown) else None, view.token)

    async def catalog(self, request: ListCatalogRequest) -> wire.ListImagesAnswer:
        """One page of all workspaces, by their names and the images'; it may be short. Raises AuthorityStale.

        A workspace in which nothing could be open to who asks is not looked into, however old its facts are.
        """
        identity = request.identity.value()
        start, _, after = (request.cursor or "").partition("/")
        found: list[Image] = []
        async with self._ledger.viewing() as view:
            await self._aging.require(view, None, Action.PULL, self._clock.now())
            slugs = await view.reachable.workspaces(Reach.of(identity), start, MOST_WORKSPACES + 1)
            for slug in slugs[:MOST_WORKSPACES]:
                workspace = await workspace_named(view, slug)
                wanted = request.limit + 1 - len(found)
                found += await self._some(view, identity, workspace, after if slug == start else "", wanted)
                if len(found) > request.limit:
                    shown = found[: request.limit]
                    return _page(shown, _name(shown[-1]), view.token)
            more = len(slugs) > MOST_WORKSPACES
            return _page(found, f"{slugs[MOST_WORKSPACES - 1]}/{_END}" if more else None, view.token)

    async def _asked_for(self, view: View, request: wire.FindImageRequest) -> tuple[Workspace | None, Image | None]:
        if request.id is not None:
            image = await view.images.by_id(request.id)
            return (await workspace_of(view, image), image) if image else (None, None)
        workspace = await view.hierarchy.workspace(request.workspace or "")
        image = await view.images.named(workspace.alias, request.image or "") if workspace else None
        return workspace, image

    async def _some(self, view: View, identity: Identity, workspace: Workspace, after: str, most: int) -> list[Image]:
        """Up to `most` of the workspace's images that the identity may pull. Raises AuthorityStale."""
        await self._aging.require(view, workspace, Action.PULL, self._clock.now())
        reach = Reach.of(identity)
        membership = (await standing_in(view, identity, workspace, [])).membership
        opened = Opened.to(reach, workspace, membership)
        found: list[Image] = []
        while len(found) < most:
            chunk = await view.reachable.images(workspace, reach, opened, after, _CHUNK)
            found += await self._readable(view, identity, workspace, chunk)
            if len(chunk) < _CHUNK:
                break
            after = chunk[-1].record.name
        return found[:most]

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


def _name(image: Image) -> str:
    return f"{image.workspace_slug}/{image.record.name}"


def _page(shown: Sequence[Image], cursor: str | None, token: ConsistencyToken) -> wire.ListImagesAnswer:
    return wire.ListImagesAnswer(images=[image_body(image) for image in shown], cursor=cursor, token=str(token))
