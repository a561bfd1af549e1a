"""The short way from bytes to an event of a known type, for records in which nothing is odd.

One pass in compiled code reads the JSON and checks every field by the same models as the long way. What it can't vouch
for it leaves to the long way, which alone refuses: see `plain`.
"""

import re
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError, create_model

from moorage.events.envelope import Attributes
from moorage.events.fact_data import FactData
from moorage.events.facts import FACTS
from moorage.oci.strict_json import JsonRefused, read_json

MAX_FACT_BYTES: Final = 1024 * 1024
MAX_INTEGER_DIGITS: Final = 20
_MEMBER: Final = re.compile(rb'"[ \\t\\r\\n]*:')


class Typed(Attributes):
    """An event whose data are read."""

    data: FactData


def _typed(type_: str, model: type[FactData]) -> type[Typed]:
    only: Any = Literal[type_]
    return create_model(f"{model.__name__}Event", __base__=Typed, type=(only, ...), data=(model, ...))


if TYPE_CHECKING:
    _Event = Typed
else:
    _Event = Annotated[reduce(or_, (_typed(*each) for each in FACTS.items())), Field(discriminator="type")]
_EVENT: Final[TypeAdapter[Typed]] = TypeAdapter(_Event)


def plain(body: bytes) -> Typed | None:
    """The event, if the long way would accept it too; None if that is not certain.

    Every member of a JSON text shows as a quote followed by a colon. So if the text has no more of these than members
    were read, none was repeated, and none was ignored: nothing is nested deeper or is larger than the models allow.
    Where there are more, the strict reader tells whether they are only members that we don't know.
    """
    if len(body) > MAX_FACT_BYTES:
        return None
    try:
        event: Typed = _EVENT.validator.validate_json(body)
        if _members_of_text(body) != _members(event):
            read_json(body, max_bytes=MAX_FACT_BYTES, max_integer_digits=MAX_INTEGER_DIGITS)
    except (ValidationError, JsonRefused):
        return None
    return event


def _members_of_text(body: bytes) -> int:
    # Producers seldom write blanks before a colon, and counting is cheaper than matching.
    if b'" ' in body or b'"\t' in body or b'"\n' in body or b'"\r' in body:
        return len(_MEMBER.findall(body))
    return body.count(b'":')


def _members(event: Typed) -> int:
    data = event.data
    count = len(event.model_fields_set) + len(data.model_fields_set)
    for part in data.parts:
        count += len(part.model_fields_set)
    return count
