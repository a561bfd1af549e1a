"""JSON from strangers, read in bounded time and memory, and as any other parser would read it (R28, R138)."""

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

MAX_JSON_DEPTH: Final = 128
MAX_JSON_VALUES: Final = 200_000
MAX_INTEGER_DIGITS: Final = 4300
_STRING: Final = re.compile(rb'"[^"]*"')
_AS_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))


class JsonRefused(ValueError):
    """The bytes are not the JSON we read: `reason` is a short code such as `too_deep`, the message is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_json(body: bytes, *, max_bytes: int, max_integer_digits: int = MAX_INTEGER_DIGITS) -> Any:
    """The value that `body` is, whole. Raises JsonRefused, whatever the bytes are.

    Refused: duplicate keys, NaN, infinities, monstrous numbers, bad UTF-8, a byte order mark, trailing bytes, more than
    `max_bytes`, MAX_JSON_DEPTH levels or MAX_JSON_VALUES values.
    """
    if len(body) > max_bytes:
        raise JsonRefused("too_large", f"it is larger than {max_bytes} bytes")
    _check_shape(body)
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_bounded(max_integer_digits),
            parse_float=_finite,
        )
    except JsonRefused:
        raise
    except RecursionError:
        raise _too_complex() from None
    except ValueError as error:
        raise JsonRefused("not_json", f"it is not valid JSON: {error}") from None


def _check_shape(body: bytes) -> None:
    # Looked at before parsing: the parser would recurse, and build a hundred bytes of Python for three of input.
    opened = body.count(b"[") + body.count(b"{")
    if opened <= MAX_JSON_DEPTH and opened + body.count(b",") <= MAX_JSON_VALUES:
        return
    bare = _STRING.sub(b"", body.replace(rb"\\", b"").replace(rb"\"", b""))
    if bare.count(b"[") + bare.count(b"{") + bare.count(b",") > MAX_JSON_VALUES:
        raise _too_complex()
    brackets = bare.translate(_AS_BRACKETS, _NO_BRACKET)
    for _ in range(MAX_JSON_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise _too_complex()


def _too_complex() -> JsonRefused:
    limits = f"it may have {MAX_JSON_DEPTH} levels and {MAX_JSON_VALUES} values, and must close each"
    return JsonRefused("too_deep", limits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonRefused("duplicate_key", "an object has the same key twice")
    return members


def _refuse_constant(text: str) -> NoReturn:
    raise JsonRefused("not_a_number", f"{text} is not JSON")


def _bounded(max_digits: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        if len(text) > max_digits:
            raise JsonRefused("huge_number", "a number is too large")
        return int(text)

    return integer


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise JsonRefused("huge_number", "a number is too large")
    return number
