"""Query parameters, each read in one place with its grammar and its limit."""

import re
from typing import Final

from aiohttp import web

from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import DigestInvalid, ParameterInvalid, TooManyTags
from moorage.oci.reference import ImageName, Tag

_PRINTABLE: Final = re.compile(r"[\x20-\x7e]{0,255}")


def text(request: web.Request, name: str) -> str | None:
    """The value of a parameter; None without one. Raises ParameterInvalid if it is repeated with another value."""
    values = set(request.query.getall(name, ()))
    if len(values) > 1:
        raise ParameterInvalid(f"the parameter {name} is given more than once, with different values")
    return values.pop() if values else None


def printable(request: web.Request, name: str) -> str | None:
    """A value of at most 255 printable ASCII characters. Raises ParameterInvalid."""
    value = text(request, name)
    if value is not None and not _PRINTABLE.fullmatch(value):
        raise ParameterInvalid(f"the parameter {name} has at most 255 printable ASCII characters")
    return value


def digest(request: web.Request, name: str) -> Digest | None:
    """A digest. Raises DigestInvalid, ParameterInvalid."""
    value = text(request, name)
    return None if value is None else Digest.parse(value)


def algorithm(request: web.Request) -> DigestAlgorithm:
    """The algorithm that `digest-algorithm` names, sha256 without it. Raises DigestInvalid."""
    value = text(request, "digest-algorithm")
    try:
        return DigestAlgorithm.SHA256 if value is None else DigestAlgorithm(value)
    except ValueError:
        raise DigestInvalid("the digest algorithms here are sha256 and sha512") from None


def image_name(request: web.Request, name: str) -> str | None:
    """An image's name. Raises NameInvalid."""
    value = text(request, name)
    return None if value is None else str(ImageName.parse(value))


def tags(request: web.Request, most: int) -> tuple[Tag, ...]:
    """All `tag` parameters, in order, each once. Raises NameInvalid, TooManyTags (R31)."""
    values = list(dict.fromkeys(request.query.getall("tag", ())))
    if len(values) > most:
        raise TooManyTags(f"one push carries at most {most} tags", detail={"limit": most})
    return tuple(map(Tag.parse, values))


def page_size(request: web.Request, default: int, most: int) -> int:
    """`n`, clamped to `most`. Raises ParameterInvalid if it is no number, or negative (R40)."""
    value = text(request, "n")
    if value is None:
        return default
    if not (value.isascii() and value.isdigit()):
        raise ParameterInvalid("n is how many entries you want, as a number that is not negative")
    digits = value.lstrip("0")
    return most if len(digits) > len(str(most)) else min(most, int(digits or "0"))
