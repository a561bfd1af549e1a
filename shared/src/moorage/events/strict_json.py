"""JSON from strangers, read in bounded time and memory, with nothing in it that two readers could read differently."""

import json
import re
from typing import Any, Final, NoReturn

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 128
_MAX_INTEGER_DIGITS: Final = 20
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")


class JsonRefused(ValueError):
    """The bytes are not the JSON we read; the message is a short reason such as `too_deep`."""


def read_json(body: bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """The value that `body` spells. Raises JsonRefused: no JSON, too large or deep, NaN, repeated keys, huge number."""
    if len(body) > max_bytes:
        raise JsonRefused("too_large")
    if _depth(body) > MAX_DEPTH:
        raise JsonRefused("too_deep")
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except JsonRefused:
        raise
    except (ValueError, RecursionError):
        raise JsonRefused("not_json") from None


def _depth(body: bytes) -> int:
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", body)):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonRefused("duplicate_key")
    return found


def _constant(text: str) -> NoReturn:
    raise JsonRefused("not_a_number")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_INTEGER_DIGITS:
        raise JsonRefused("huge_number")
    return int(digits)


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise JsonRefused("huge_number")
    return number
