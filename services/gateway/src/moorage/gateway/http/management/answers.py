"""What is answered, as HTTP: a body that no proxy keeps, its tag, and the link to the next page."""

import hashlib
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from moorage.access.wire import ImageBody, WorkspaceBody

TAGGED: Final = (ImageBody, WorkspaceBody)
"""What is answered with an `ETag`."""


def answer(body: BaseModel | None, status: int, headers: Mapping[str, str]) -> web.Response:
    """`body` as JSON; nothing at all without one."""
    always = {"Cache-Control": "no-store", **_tag(body), **headers}
    if body is None:
        return web.Response(status=status, headers=always)
    text = body.model_dump_json().encode()
    return web.Response(body=text, status=status, content_type="application/json", headers=always)


def next_page(request: web.Request, query: type[BaseModel], body: BaseModel) -> dict[str, str]:
    """A link to the page behind this one, if there is one: the same question from the cursor on."""
    cursor = getattr(body, "cursor", None)
    if cursor is None:
        return {}
    names = {field.alias or name for name, field in query.model_fields.items()}
    asked = {name: value for name, value in request.query.items() if name in names}
    return {"Link": f'<{request.rel_url.with_query(asked | {"cursor": cursor})}>; rel="next"'}


def _tag(body: BaseModel | None) -> dict[str, str]:
    match body:
        case ImageBody():
            return {"ETag": f'"{body.acl_seq}"'}
        case WorkspaceBody():  # its position moves without it
            settings = body.model_dump_json(exclude={"token"}).encode()
            return {"ETag": f'"{hashlib.sha256(settings).hexdigest()[:16]}"'}
    return {}
