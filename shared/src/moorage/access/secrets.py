"""How our secrets look: `mrg_<kind>_`, 30 random base62 characters, and six of CRC-32 over all before them.

Published for secret scanners: the pattern is `mrg_(pat|rob|ref|svc)_[0-9A-Za-z]{36}`, the checksum is the CRC-32 (IEEE)
of everything before its six characters, big end first in base62 with the digits 0-9, A-Z, a-z.
"""

import re
import secrets
import zlib
from enum import StrEnum
from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM: Final = 30
_CHECK: Final = 6
_PATTERN: Final = re.compile(r"mrg_(pat|rob|ref|svc)_[0-9A-Za-z]{36}")


class SecretKind(StrEnum):
    """What a secret opens."""

    PERSONAL = "pat"
    ROBOT = "rob"
    REFRESH = "ref"
    SERVICE = "svc"


def mint_secret(kind: SecretKind) -> str:
    """A new secret with 178 random bits."""
    body = f"mrg_{kind}_" + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return body + checksum(body)


def secret_kind(text: str) -> SecretKind | None:
    """The kind of a well-formed secret; None for a text that none of ours can be, which needs no look-up."""
    match = _PATTERN.fullmatch(text)
    if not match or not secrets.compare_digest(checksum(text[:-_CHECK]), text[-_CHECK:]):
        return None
    return SecretKind(match[1])


def checksum(body: str) -> str:
    """The six characters that end a secret which begins with `body`."""
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
