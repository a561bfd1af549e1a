"""`GET /api/v1/openapi.json`: the document, for everybody, cacheable."""

import hashlib
import json
from typing import Any, Final

from aiohttp import ETag, web
from aiohttp.typedefs import Handler

MAX_AGE_SECONDS: Final = 300


def published(document: dict[str, Any]) -> Handler:
    """Answers with the document, or that it is still what the client has."""
    body = json.dumps(document, separators=(",", ":")).encode()
    tag = hashlib.sha256(body).hexdigest()[:32]

    async def serve(request: web.Request) -> web.StreamResponse:
        known = {each.value for each in request.if_none_match or ()}
        fresh = bool(known & {tag, "*"})
        response = web.Response(status=304) if fresh else web.Response(body=body, content_type="application/json")
        response.etag = ETag(tag)
        response.headers["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}"
        return response

    return serve
