"""The short way from bytes to an event of a known type, for records in which nothing is odd.

Compiled code reads the envelope, and then the data by the same models as the long way. What it can't vouch for it
leaves to the long way, which alone refuses: see `plain`.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType
from msgspec.json import Decoder

from moorage.events.envelope import Origin
from moorage.events.fact_data import FactData
from moorage.events.facts import FACTS
from moorage.events.fields import instant
from moorage.oci.strict_json import read_json

MAX_FACT_BYTES: Final = 1024 * 1024
MAX_INTEGER_DIGITS: Final = 20
_MEMBER: Final = re.compile(rb'"[ \t\r\n]*:')
_SPACE, _TAB, _LINE, _RETURN = b" \t\n\r"
"""As numbers, which are looked for five times as fast as texts of one byte."""
_READERS: Final[dict[str, Callable[[bytes], FactData]]] = {
    type_: model.__pydantic_validator__.validate_json for type_, model in FACTS.items()
}

_Text = Annotated[str, Meta(min_length=1, max_length=255)]
_LongName = Annotated[str, Meta(min_length=1, max_length=1024)]


class Plain(NamedTuple):
    """An event whose data are read."""

    origin: Origin
    subject: str
    partitionkey: str | None
    data: FactData


class _Envelope(Struct, kw_only=True, gc=False):
    """As moorage.events.envelope has it; what its texts are made of is looked at apart."""

    id: _Text
    source: _LongName
    type: _Text
    subject: _LongName
    data: Raw
    specversion: Literal["1.0"] | UnsetType = UNSET
    time: str | UnsetType | None = UNSET
    datacontenttype: Literal["application/json"] | UnsetType | None = UNSET
    partitionkey: _Text | UnsetType | None = UNSET
    sequence: _Text | UnsetType | None = UNSET
    traceparent: _Text | UnsetType | None = UNSET
    critical: bool | UnsetType = UNSET


_REQUIRED: Final = 5
_decode: Final = Decoder(_Envelope).decode


def plain(body: bytes) -> Plain | None:
    """The event, if the long way would accept it too; None if that is not certain.

    Every member of a JSON text shows as a quote followed by a colon. So if the text has no more of these than members
    were read, none was repeated, and none was ignored: nothing is nested deeper or is larger than the models allow.
    Where there are more, the strict reader tells whether they are only members that we don't know.
    """
    if len(body) > MAX_FACT_BYTES:
        return None
    try:
        event = _decode(body)
        beside = _beside(event)
        data = _READERS[event.type](bytes(event.data))
        if _members_of_text(body) != _REQUIRED + len(beside) + _members(data):
            read_json(body, max_bytes=MAX_FACT_BYTES, max_integer_digits=MAX_INTEGER_DIGITS)
        time = instant(event.time) if isinstance(event.time, str) else None
    # A text that is empty where it may not be, a broken one or one that is no instant: all of these are ValueErrors.
    except (DecodeError, KeyError, RecursionError, ValueError):
        return None
    return Plain(Origin(event.id, event.source, event.type, time), event.subject, event.partitionkey or None, data)


def _beside(event: _Envelope) -> list[str | bool | None]:
    """What the event says beside what it has to say. Raises ValueError for texts that may have odd characters."""
    # More is allowed than what is printable, but no control characters are among that.
    texts = f"{event.id}{event.source}{event.subject}{event.partitionkey}{event.sequence}{event.traceparent}"
    if not texts.isprintable():
        raise ValueError
    optional = (event.specversion, event.time, event.datacontenttype, event.critical)
    said = (*optional, event.partitionkey, event.sequence, event.traceparent)
    return [each for each in said if each is not UNSET]


def _members_of_text(body: bytes) -> int:
    # Most producers write no blanks at all, and counting is cheaper than matching.
    if _SPACE in body or _TAB in body or _LINE in body or _RETURN in body:
        return len(_MEMBER.findall(body))
    return body.count(b'":')


def _members(data: FactData) -> int:
    count = len(data.model_fields_set)
    for part in data.parts:
        count += len(part.model_fields_set)
    return count
