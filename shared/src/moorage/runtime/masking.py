"""Keeps secrets and control bytes out of whatever is written down (R145, R149)."""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

MASK: Final = "***"

_SECRET_NAMES: Final = re.compile(
    r"(?:^|[._-])(?:authorization|cookie|credentials?|dsn|passphrase|passw(?:or)?d|secret|signature|token|api_?key)s?$",
    re.IGNORECASE,
)
_NOT_SECRET: Final = frozenset({"consistency_token", "authz_token", "min_token"})
_SECRET_TEXT: Final = re.compile(
    r"\bmrg_[a-z]{3}_[0-9A-Za-z]+"  # our own credentials
    r"|\bwhsec_[0-9A-Za-z+/=]+"
    r"|\beyJ[0-9A-Za-z_-]*\.[0-9A-Za-z_-]*(?:\.[0-9A-Za-z_-]*){0,3}"  # JOSE
    r"|(?<=\bBearer )[^\s\"',]+"
    r"|(?<=\bBasic )[0-9A-Za-z+/=_-]+"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # user and password in a URL
    r"|(?<=X-Amz-Signature=)[0-9A-Za-z%]+"
    r"|(?<=X-Amz-Credential=)[0-9A-Za-z%/._-]+",
    re.IGNORECASE,
)
_SHOWN_PARAMETERS: Final = frozenset(
    {"n", "last", "digest", "digest-algorithm", "mount", "from", "tag", "artifactType", "ns"}
    | {"scope", "service", "account", "limit", "cursor", "after"}
)
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
# Every secret text has one of these, in lower case; to look for them costs a fraction of the pattern.
_MARKS: Final = ("mrg_", "whsec_", "eyj", "bearer ", "basic ", "://", "x-amz-")


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret. Consistency tokens are positions, not secrets."""
    return name.lower() not in _NOT_SECRET and _SECRET_NAMES.search(name) is not None


def masked_text(text: str) -> str:
    """`text` with what looks like a secret replaced."""
    lower = text.lower()
    for mark in _MARKS:
        if mark in lower:
            return _SECRET_TEXT.sub(MASK, text)
    return text


def masked_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """`fields` with secrets replaced: by name, and inside texts."""
    return {name: MASK if is_secret_name(name) and value else _masked(value) for name, value in fields.items()}


def one_line(text: str) -> str:
    """`text` with every control byte and everything beyond ASCII written as an escape: it can't forge a line."""
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def shown_query(query: str) -> str:
    """A query string for a log line: only parameters that are known to hold no secret keep their value."""
    if not query:
        return ""
    pairs = parse_qsl(query, keep_blank_values=True, errors="replace")
    return one_line(urlencode([(name, _shown(name, value)) for name, value in pairs], safe="/:*,"))


def _shown(name: str, value: str) -> str:
    return masked_text(value) if name in _SHOWN_PARAMETERS else "..."


def _masked(value: object) -> object:
    match value:
        case str():
            return masked_text(value)
        case Mapping():
            return masked_fields({str(name): each for name, each in value.items()})
        case list() | tuple() | set() | frozenset():
            return _masked_all(value)
        case _:
            return value


def _masked_all(values: Iterable[object]) -> list[object]:
    return [_masked(value) for value in values]
