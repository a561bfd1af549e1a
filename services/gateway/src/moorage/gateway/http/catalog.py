"""`/v2/_catalog`: the images that the caller may pull, where the operator has switched it on (R42)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.principal import scopes_open
from moorage.access.problems import NotFound, Problem
from moorage.distribution.errors import render_registry_errors
from moorage.distribution.server import answers, query
from moorage.distribution.server.limits import Limits
from moorage.gateway.caller import Caller
from moorage.gateway.challenge import Challenge, Fault
from moorage.gateway.follower import Follower
from moorage.gateway.http.authentication import Authentication
from moorage.gateway.ports import Authority
from moorage.gateway.scopes import CATALOG, CATALOG_SCOPE
from moorage.oci.errors import Unavailable
from moorage.oci.reference import ImageName

PATH: Final = "/v2/_catalog"
MOST_WORKSPACES: Final = 50
"""Workspaces that one request looks into; a page may be short, and its link leads on."""
MOST_IMAGES: Final = 1000
"""The authority lists no more of a workspace at a time."""
_ALL: Final = "~"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after an image of a workspace, or after all of them."""

    workspace: str = ""
    image: str = ""

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The place that `last` spells. Raises NameInvalid."""
        workspace, _, image = text.partition("/")
        if text and image != _ALL:
            ImageName.parse(text)
        return cls(workspace, image)

    def __str__(self) -> str:
        return f"{self.workspace}/{self.image}"


class Catalog:
    """The resource. What may be listed is decided by the authority, at head."""

    def __init__(
        self,
        authentication: Authentication,
        authority: Authority,
        follower: Follower,
        challenge: Challenge,
        limits: Limits,
    ) -> None:
        self._authentication = authentication
        self._authority = authority
        self._follower = follower
        self._challenge = challenge
        self._limits = limits

    def add_to(self, app: web.Application) -> None:
        """Before the distribution API, which knows no such path."""

        async def get(request: web.Request) -> web.StreamResponse:
            return await render_registry_errors(request, self._get)

        app.router.add_get(PATH, get)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        n = query.page_size(request, self._limits.page_size, self._limits.max_page_size)
        start = Place.parse(query.printable(request, "last") or "")
        caller = await self._caller(request)
        names, end = await self._page(wire.IdentityBody.of(caller.identity), start, n) if n else ([], None)
        link = {"Link": f'<{PATH}?{urlencode({"n": n, "last": str(end)})}>; rel="next"'} if end else {}
        return answers.document({"repositories": names}, link)

    async def _caller(self, request: web.Request) -> Caller:
        """Who asks, if what was shown may be used for this. Raises Unauthenticated."""
        caller = await self._authentication.caller(request, [CATALOG_SCOPE])
        if caller.anonymous:
            raise self._challenge.bearer("log in first", [CATALOG_SCOPE])
        granted = scopes_open(caller.identity.scopes, Action.PULL)
        if caller.grants is not None:
            granted = bool(caller.grants.get(CATALOG))
        if not granted:
            message = "what was shown does not cover the catalogue; ask for a token that does"
            raise self._challenge.bearer(message, [CATALOG_SCOPE], Fault.INSUFFICIENT_SCOPE)
        return caller

    async def _page(self, identity: wire.IdentityBody, start: Place, most: int) -> tuple[list[str], Place | None]:
        """Up to `most` names, by workspace and image, and where the next page begins, if there may be one."""
        names: list[str] = []
        before = start
        for asked, place in enumerate(self._places(start)):
            if len(names) == most or asked == MOST_WORKSPACES:
                return names, before
            found = await self._readable(identity, place, min(most - len(names), MOST_IMAGES))
            names += [image.name for image in found.images]
            before = Place(place.workspace, found.cursor or _ALL)
            if found.cursor:
                return names, before
        return names, None

    def _places(self, start: Place) -> Iterator[Place]:
        """The workspaces from there on, each from its first image that is asked for."""
        replica = self._follower.replica
        if replica is None:
            raise Unavailable("the registry does not know its workspaces yet; try again in a few seconds")
        for slug in sorted({each.slug for each in replica.directory()}):
            if slug == start.workspace and start.image != _ALL:
                yield start
            elif slug > start.workspace:
                yield Place(slug)

    async def _readable(self, identity: wire.IdentityBody, place: Place, most: int) -> wire.ListImagesAnswer:
        request = wire.ListImagesRequest(
            identity=identity, workspace=place.workspace, cursor=place.image or None, limit=most
        )
        try:
            return await self._authority.list_images(request)
        except NotFound:
            return wire.ListImagesAnswer(images=[], token="")
        except Problem as problem:
            raise Unavailable("the catalogue can't be read right now; try again in a few seconds") from problem
