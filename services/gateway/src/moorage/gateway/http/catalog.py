"""`/v2/_catalog`: the images that the caller may pull, where the operator has switched it on (R42)."""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.principal import scopes_open
from moorage.access.problems import Problem
from moorage.access.reading_wire import ListCatalogRequest
from moorage.distribution.errors import render_registry_errors
from moorage.distribution.server import answers, query
from moorage.distribution.server.limits import Limits
from moorage.gateway.caller import Caller
from moorage.gateway.challenge import Challenge, Fault
from moorage.gateway.http.authentication import Authentication
from moorage.gateway.ports import Authority
from moorage.gateway.scopes import CATALOG, CATALOG_SCOPE
from moorage.oci.errors import Unavailable
from moorage.oci.reference import ImageName

PATH: Final = "/v2/_catalog"
MOST_IMAGES: Final = 1000
"""The authority lists no more at a time: a page may be short, and its link leads on."""
_END: Final = "~"
"""Behind all images of a workspace, where a page of the authority may have ended."""


class Catalog:
    """The resource. What may be listed is decided by the authority, at head."""

    def __init__(
        self,
        authentication: Authentication,
        authority: Authority,
        challenge: Challenge,
        limits: Limits,
    ) -> None:
        self._authentication = authentication
        self._authority = authority
        self._challenge = challenge
        self._limits = limits

    def add_to(self, app: web.Application) -> None:
        """Before the distribution API, which knows no such path."""

        async def get(request: web.Request) -> web.StreamResponse:
            return await render_registry_errors(request, self._get)

        app.router.add_get(PATH, get)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        n = query.page_size(request, self._limits.page_size, self._limits.max_page_size)
        last = _place(query.printable(request, "last") or "")
        caller = await self._caller(request)
        if not n:
            return answers.document({"repositories": []}, {})
        page = await self._page(wire.IdentityBody.of(caller.identity), last, n)
        link = {"Link": f'<{PATH}?{urlencode({"n": n, "last": page.cursor})}>; rel="next"'} if page.cursor else {}
        return answers.document({"repositories": [image.name for image in page.images]}, link)

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

    async def _page(self, identity: wire.IdentityBody, last: str, most: int) -> wire.ListImagesAnswer:
        """Up to `most` images behind `last`, by workspace and name. Raises Unavailable."""
        request = ListCatalogRequest(identity=identity, cursor=last, limit=min(most, MOST_IMAGES))
        try:
            return await self._authority.list_catalog(request)
        except Problem as problem:
            raise Unavailable("the catalogue can't be read right now; try again in a few seconds") from problem


def _place(text: str) -> str:
    """The place that `last` spells: a workspace, an image, or the end of a workspace. Raises NameInvalid."""
    if text:
        ImageName.parse(text.removesuffix(f"/{_END}"))
    return text
