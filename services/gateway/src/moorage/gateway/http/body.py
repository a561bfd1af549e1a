"""Small request bodies: read up to a limit, never unpacked, parsed strictly (R137, R138)."""

import asyncio
from typing import Final

from aiohttp import web

from moorage.oci.strict_json import JsonRefused, read_json

BODY_SECONDS: Final = 60.0
"""A small body has arrived after that long, or does not matter any more (R135)."""


class BodyRefused(Exception):
    """The body is too large, too slow, compressed, or not in the form asked for; `status` is the HTTP one."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


async def read(request: web.Request, max_bytes: int, content_type: str) -> bytes:
    """The whole body. Raises BodyRefused."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise BodyRefused(415, "the body must not be compressed")
    if request.body_exists and request.content_type != content_type:
        raise BodyRefused(415, f"the body must be {content_type}")
    if (request.content_length or 0) > max_bytes:
        raise BodyRefused(413, f"the body has at most {max_bytes} bytes")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _arrived(request, max_bytes)
    except TimeoutError:
        raise BodyRefused(408, f"the body did not arrive within {BODY_SECONDS:g} seconds; send it again") from None
    except web.RequestPayloadError:
        raise BodyRefused(400, "the body does not end where its framing says; send it again") from None


async def read_object(request: web.Request, max_bytes: int) -> bytes:
    """The text of a JSON object, without anything two parsers could read in two ways. Raises BodyRefused."""
    body = await read(request, max_bytes, "application/json")
    try:
        value = read_json(body, max_bytes=max_bytes)
    except JsonRefused as error:
        raise BodyRefused(400, "the body is not valid JSON") from error
    if not isinstance(value, dict):
        raise BodyRefused(400, "the body must be a JSON object")
    return body


async def _arrived(request: web.Request, max_bytes: int) -> bytes:
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > max_bytes:
            raise BodyRefused(413, f"the body has at most {max_bytes} bytes")
    return bytes(body)
