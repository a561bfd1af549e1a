"""The `Authorization` header: Basic with one of our secrets, or Bearer. Parsed here, never logged anywhere."""

import re
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Final

from moorage.access.secrets import SecretKind, secret_kind

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 §2.1; whatever follows may rely on ASCII
_REFUSED: Final = (None, SecretKind.REFRESH)


class HeaderMalformed(ValueError):
    """A header that is none of the accepted forms; the message never quotes it."""


@dataclass(frozen=True, slots=True)
class Basic:
    """A user name, which is for people only, and a secret, which says who it is."""

    user: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A bearer token, or a secret in that place."""

    text: str = field(repr=False)


def parse(header: str) -> Basic | Bearer:
    """What the header shows. Raises HeaderMalformed."""
    scheme, _, value = header.strip().partition(" ")
    match scheme.lower():
        case "bearer" if _TOKEN.fullmatch(value.strip()):
            return Bearer(value.strip())
        case "basic":
            return _basic(value.strip())
    raise HeaderMalformed("only Basic, and Bearer with one token, are accepted")


def may_be_secret(text: str) -> bool:
    """Whether `text` is of the form of a secret that may be shown as a password: nothing else is worth a question."""
    return secret_kind(text) not in _REFUSED


def _basic(encoded: str) -> Basic:
    try:
        user, colon, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError as error:
        raise HeaderMalformed("Basic is the base64 form of <user>:<secret>") from error
    if not colon:
        raise HeaderMalformed("Basic is the base64 form of <user>:<secret>")
    return Basic(user, secret)
