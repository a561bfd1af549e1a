"""The order of tags: by code point. Pure."""

import re
from typing import Final

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def comparable(after: str) -> str:
    """A text that no tag distinguishes from `after`, and that every database takes: `last` may be anything (R37).

    NUL sorts below all that a tag may contain, like U+0001; a lone surrogate above it, like U+FFFD.
    """
    return _SURROGATES.sub("\ufffd", after.replace("\0", "\1"))
