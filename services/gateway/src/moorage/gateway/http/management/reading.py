"""What is asked, as the models of an operation: the members of the path, the query, the body."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from moorage.access.problems import InputInvalid, NotFound
from moorage.gateway.http.body import read_object
from moorage.gateway.http.management.operation import PathMember
from moorage.gateway.http.management.problems import invalid

MAX_BODY_BYTES: Final = 64 * 1024
MAX_MEMBER: Final = 255
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
Model = TypeVar("Model", bound=BaseModel)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[int, BeforeValidator(_whole)]
"""7.0 is an integer of JSON Schema."""


class RequestBody(BaseModel):
    """Base of what is sent: unknown fields are refused, so that none can ever set what it should not (R64)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read_members(request: web.Request, members: Mapping[str, PathMember]) -> dict[str, UUID | str]:
    """What the path names. Raises NotFound: nothing else names anything."""
    return {name: _member(request.match_info[name], kind) for name, kind in members.items()}


def read_query(request: web.Request, model: type[Model]) -> Model:
    """The query as `model`; a parameter that stands twice is refused, one that is unknown ignored."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    known = {name: request.query.getall(name) for name in names if name in request.query}
    for name, values in known.items():
        if len(values) > 1:
            raise InputInvalid("a parameter stands twice", errors=[{"at": name, "message": "stands twice"}])
    try:
        return model.model_validate({name: values[0] for name, values in known.items()})
    except ValidationError as error:
        raise invalid(error) from error


async def read_body(request: web.Request, model: type[Model]) -> Model:
    """The body as `model`: 0 is no false, and "5" no number. Raises InputInvalid, BodyRefused."""
    try:
        return model.model_validate_json(await read_object(request, MAX_BODY_BYTES), strict=True)
    except ValidationError as error:
        raise invalid(error) from error


def _member(text: str, kind: PathMember) -> UUID | str:
    if kind is str and len(text) <= MAX_MEMBER:
        return text
    if kind is UUID and _UUID.fullmatch(text):
        return UUID(text)
    raise NotFound("nothing of this id is available to you")
