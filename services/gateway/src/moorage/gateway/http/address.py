"""From where a request comes: the peer, or what a proxy of ours says of it (R133)."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from moorage.gateway.addresses import Network, client_address, one_client

FORWARDED_FOR: Final = "X-Forwarded-For"
_ADDRESS: Final = web.RequestKey("moorage.address", str)


def behind(proxies: Sequence[Network]) -> Middleware:
    """A middleware that notes the client's address."""

    @web.middleware
    async def note_the_address(request: web.Request, handler: Handler) -> web.StreamResponse:
        if proxies:
            chain = ",".join(request.headers.getall(FORWARDED_FOR, ())).split(",")
            request[_ADDRESS] = client_address(request.remote or "", chain, proxies)
        return await handler(request)

    return note_the_address


def client_of(request: web.Request) -> str:
    """Whose limits the request counts for."""
    return one_client(address_of(request))


def address_of(request: web.Request) -> str:
    """The client's address, as far as it is known."""
    return request.get(_ADDRESS) or request.remote or ""
