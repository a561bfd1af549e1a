"""Reads the `WWW-Authenticate` header with which a registry says where tokens come from (protocol.md §7). Pure."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

PARAMETER: Final = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Challenge:
    """Where to ask for a token, and for which service."""

    realm: str
    service: str


class ChallengeInvalid(ValueError):
    """The header is missing or does not say what clients need."""


def parse_challenge(header: str | None) -> Challenge:
    """The Bearer challenge in the header. Raises ChallengeInvalid."""
    if not header:
        raise ChallengeInvalid("the answer has no WWW-Authenticate header")
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "bearer":
        raise ChallengeInvalid(f"the challenge is of scheme {scheme!r}, and Bearer is needed")
    parameters = {name.lower(): value for name, value in PARAMETER.findall(rest)}
    realm = parameters.get("realm", "")
    if urlsplit(realm).scheme not in ("http", "https") or not urlsplit(realm).netloc:
        raise ChallengeInvalid(f"the realm {realm!r} is not an absolute URL")
    return Challenge(realm, parameters.get("service", ""))
