"""Sending a body of known length in pieces, with back-pressure, and never so that a part looks whole (R92, R140)."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

_log: Final = logging.getLogger(__name__)


async def send(request: web.Request, response: web.StreamResponse, body: AsyncIterator[bytes]) -> web.StreamResponse:
    """Sends `body`, which has `response.content_length` bytes.

    What fails before the first piece is raised and can still be answered. Afterwards the connection is cut, because
    the status is out already: the client must not take what it has for the whole.
    """
    async with _closing(body):
        first = await anext(body, b"")
        await response.prepare(request)
        try:
            await _write(response, first, body)
        except ConnectionError:
            pass  # the client left, or took nothing for so long that it was cut off; there is nobody to tell
        except Exception:  # damage, storage gone, a bug: all the same to the client, who must see a cut
            _log.exception("A download was cut because its bytes could not be read to the end")
            _cut(request)
    return response


async def at_once(
    status: int, headers: CIMultiDict[str], body: AsyncIterator[bytes], length: int
) -> web.StreamResponse:
    """The answer with all of a small body, which goes out in one write. Raises what reading raises, and EOFError."""
    async with _closing(body):
        content = b"".join([piece async for piece in body])
    if len(content) != length:
        raise EOFError(f"the content has {len(content)} bytes, not the {length} that were announced")
    return web.Response(status=status, headers=headers, body=content)


async def _write(response: web.StreamResponse, first: bytes, rest: AsyncIterator[bytes]) -> None:
    sent = len(first)
    await response.write(first)
    async for piece in rest:
        sent += len(piece)
        await response.write(piece)
    if sent != response.content_length:
        raise EOFError(f"the content has {sent} bytes, not the {response.content_length} that were announced")
    await response.write_eof()


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


@asynccontextmanager
async def _closing(body: AsyncIterator[bytes]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if isinstance(body, AsyncGenerator):
            await body.aclose()
