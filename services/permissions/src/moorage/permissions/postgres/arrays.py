"""Arrays as texts, which PostgreSQL takes apart: the driver would look at every element of an array twice.

In SQL they are `$1::text::int[]`, and `string_to_array($1::text, chr(1), chr(2))` for texts, which have no control
characters (R149).
"""

from collections.abc import Iterable
from typing import Final

_BETWEEN: Final = "\x01"
_NULL: Final = "\x02"


def plain(values: Iterable[int | bool | str]) -> str:
    """Numbers, flags, or words of a closed list, as an array."""
    return "{" + ",".join(map(str, values)) + "}"


def nullable(values: Iterable[int | None]) -> str:
    """The same for numbers of which some are not known."""
    return plain(["NULL" if each is None else each for each in values])


def texts(values: Iterable[str | None]) -> str:
    """Texts for `string_to_array`; an empty one counts as none."""
    return _BETWEEN.join([each or _NULL for each in values])
