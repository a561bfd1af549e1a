"""The sessions with which our services call one another."""

from typing import Final

import aiohttp
import structlog
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from moorage.runtime.http import REQUEST_ID_HEADER

MAX_CONNECTIONS: Final = 200
KEEPALIVE_SECONDS: Final = 30.0


def internal_session() -> aiohttp.ClientSession:
    """A session for calls inside: keeps connections and no cookies, unpacks nothing, passes the request's id on.

    The caller closes it. No environment proxy is used: inside means inside.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        middlewares=(pass_request_id_on,),
    )


async def pass_request_id_on(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """A client middleware: one id in the logs of all services that a request went through."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id is not None:
        request.headers[REQUEST_ID_HEADER] = str(request_id)
    return await handler(request)
