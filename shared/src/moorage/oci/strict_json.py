"""JSON read so that no second parser can read something else: I-JSON's rules, bounded (R28, R138)."""

import json
import math
import re
from typing import Final, NoReturn

from moorage.oci.errors import ManifestInvalid

MAX_JSON_DEPTH: Final = 128
MAX_JSON_VALUES: Final = 200_000
_STRING: Final = re.compile(rb'"[^"]*"')
_AS_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))


def read_object(body: bytes) -> dict[str, object]:
    """The JSON object that `body` is, whole. Raises ManifestInvalid, whatever the bytes are.

    Refused: another root, duplicate keys, NaN, infinities, numbers beyond Python's limits, bad UTF-8, a byte order
    mark, trailing bytes, more than MAX_JSON_DEPTH levels or MAX_JSON_VALUES values.
    """
    _check_shape(body)
    try:
        document = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except RecursionError:
        raise _too_complex() from None
    except ValueError as error:
        raise ManifestInvalid(f"the manifest is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise ManifestInvalid("a manifest is a JSON object")
    return document


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


def _too_complex() -> ManifestInvalid:
    return ManifestInvalid(
        f"the JSON of a manifest has at most {MAX_JSON_DEPTH} levels and {MAX_JSON_VALUES} values, and closes each"
    )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ManifestInvalid("a JSON object of the manifest has the same key twice")
    return members


def _refuse_constant(text: str) -> NoReturn:
    raise ManifestInvalid(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ManifestInvalid("a number of the manifest is too large")
    return number
