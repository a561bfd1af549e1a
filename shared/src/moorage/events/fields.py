"""The field types of events: identifiers, texts, instants and integers, each with one spelling inside."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetPydanticSchema,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

_UUID: Final = re.compile(r"\{?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}?")
_BARE_UUID: Final = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_UUID_IN_JSON: Final = core_schema.chain_schema(
    [
        core_schema.str_schema(strict=True, pattern=f"^(?:{_BARE_UUID}|\\{{{_BARE_UUID}\\}})$"),
        core_schema.uuid_schema(),
    ]
)
_PRINTABLE: Final = "^[^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]*$"
_CONTROL: Final = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff]")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def normal_uuid(value: Any) -> UUID:
    """The UUID that a text spells, with or without braces, in any case. Raises ValueError for any other spelling."""
    if isinstance(value, UUID):
        return value
    match = _UUID.fullmatch(value) if isinstance(value, str) else None
    if not match or (value.startswith("{") != value.endswith("}")):
        raise ValueError("a UUID has the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
    return UUID(match[1])


def instant(value: Any) -> datetime:
    """The instant that a text spells, in UTC. Raises ValueError for any other spelling."""
    if isinstance(value, datetime) and value.tzinfo:
        return value
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("an instant is RFC 3339 with an offset")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except OverflowError:
        raise ValueError("this instant is out of range") from None


def _printable(text: str) -> str:
    # Control characters forge log lines, and PostgreSQL keeps no NUL in a text (R149).
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


def _in_json(schema: CoreSchema) -> GetPydanticSchema:
    """The same rule without a call into Python, for values that are read straight from bytes."""
    return GetPydanticSchema(
        lambda source, handler: core_schema.json_or_python_schema(json_schema=schema, python_schema=handler(source))
    )


def _text_in_json(min_length: int, max_length: int) -> CoreSchema:
    return core_schema.str_schema(strict=True, min_length=min_length, max_length=max_length, pattern=_PRINTABLE)


Id = Annotated[
    UUID,
    BeforeValidator(normal_uuid),
    _in_json(_UUID_IN_JSON),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]
Text = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=255),
    AfterValidator(_printable),
    _in_json(_text_in_json(1, 255)),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255}),
]
LongText = Annotated[
    str,
    StringConstraints(strict=True, max_length=1024),
    AfterValidator(_printable),
    _in_json(_text_in_json(0, 1024)),
    WithJsonSchema({"type": "string", "maxLength": 1024}),
]
LongName = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=1024),
    AfterValidator(_printable),
    _in_json(_text_in_json(1, 1024)),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 1024}),
]
Instant = Annotated[datetime, BeforeValidator(instant), WithJsonSchema({"type": "string", "format": "date-time"})]
Version = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)]
Count = Annotated[int, Field(strict=True, ge=0, le=2**53)]
Flag = StrictBool
