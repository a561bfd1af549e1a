"""Small request bodies: read up to a limit, never unpacked, parsed strictly (R137, R138)."""

import json
from typing import Any

from aiohttp import web


class BodyRefused(Exception):
    """The body is too large, compressed, or not in the form that is asked for; `status` is the HTTP one."""

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
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > max_bytes:
            raise BodyRefused(413, f"the body has at most {max_bytes} bytes")
    return bytes(body)


async def read_object(request: web.Request, max_bytes: int) -> dict[str, Any]:
    """A JSON object, without anything two parsers could read in two ways. Raises BodyRefused."""
    body = await read(request, max_bytes, "application/json")
    try:
        value = json.loads(body, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BodyRefused(400, "the body is not valid JSON") from error
    if not isinstance(value, dict):
        raise BodyRefused(400, "the body must be a JSON object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")
