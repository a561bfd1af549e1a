"""By which request somebody asks, for the audit trail."""

from typing import Final

from aiohttp import web

from moorage.access.wire import Via
from moorage.gateway.http.address import address_of
from moorage.runtime.http import REQUEST_ID

_MOST_METHOD: Final = 16
_MOST_REMOTE: Final = 64


def via(request: web.Request) -> Via:
    """What the trail keeps of a request: no header and no query, where secrets may be."""
    remote = address_of(request)[:_MOST_REMOTE] or None
    return Via(method=request.method[:_MOST_METHOD], remote=remote, request=request.get(REQUEST_ID))
