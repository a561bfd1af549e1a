"""Request bodies and queries, bounded and parsed at the edge."""

import asyncio
from typing import Final, TypeVar

from aiohttp import web
from pydantic import ValidationError

from moorage.access.problems import BodyTooLarge, InputInvalid
from moorage.access.wire import Answer, Changed, Request
from moorage.distribution.headers import DECISION_ID
from moorage.oci.strict_json import JsonRefused, read_json

BODY_SECONDS: Final = 60.0
Body = TypeVar("Body", bound=Request)


async def read_body(request: web.Request, max_bytes: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as it is, HTTPRequestTimeout if it takes more than a minute."""
    if request.content_length is not None and request.content_length > max_bytes:
        raise BodyTooLarge(f"a body has at most {max_bytes} bytes here")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > max_bytes:
                    raise BodyTooLarge(f"a body has at most {max_bytes} bytes here")
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the body did not arrive in time") from None
    return bytes(body)


async def read_model(request: web.Request, model: type[Body], max_bytes: int) -> Body:
    """The body as a model. Raises InputInvalid with the places of its faults, never with its values."""
    try:
        return model.model_validate(read_json(await read_body(request, max_bytes), max_bytes=max_bytes))
    except JsonRefused as error:
        raise InputInvalid(f"the body is not JSON that we read: {error}") from None
    except ValidationError as error:
        raise _broken("body", error) from None


def read_query(request: web.Request, model: type[Body]) -> Body:
    """The query as a model; a parameter that stands twice is refused. Raises InputInvalid."""
    if len(set(request.query)) != len(request.query):
        raise InputInvalid("a parameter stands twice")
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise _broken("query", error) from None


def _broken(what: str, error: ValidationError) -> InputInvalid:
    errors = [
        {"at": ".".join(map(str, each["loc"])), "message": each["msg"]}
        for each in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return InputInvalid(f"the {what} breaks the schema", errors=errors[:20])


def answer(body: Answer) -> web.Response:
    """The answer as JSON that nobody may keep, beside it the id of the decision that let a change be made."""
    decision = body.decision_id if isinstance(body, Changed) else None
    return web.Response(
        text=body.model_dump_json(by_alias=True),
        content_type="application/json",
        headers={"Cache-Control": "no-store"} | ({DECISION_ID: str(decision)} if decision else {}),
    )
