"""Consistency tokens: a position in the one global order of authority changes (authorization.md §3.1)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_PATTERN: Final = re.compile(r"zt1\.(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True, order=True)
class ConsistencyToken:
    """`zt1.<epoch>.<seq>`: opaque to clients, comparable inside an epoch, ordered by epoch first."""

    epoch: int
    seq: int

    @staticmethod
    def parse(text: str) -> "ConsistencyToken":
        """The token that `text` spells. Raises ValueError."""
        return _parsed(text)

    def __str__(self) -> str:
        return f"zt1.{self.epoch}.{self.seq}"


@lru_cache(maxsize=1024)
def _parsed(text: str) -> ConsistencyToken:
    """Most of what is asked about at a time was decided at the same few positions."""
    match = _PATTERN.fullmatch(text)
    if not match:
        raise ValueError("a consistency token is zt1.<epoch>.<seq>")
    return ConsistencyToken(int(match.group(1)), int(match.group(2)))


ORIGIN = ConsistencyToken(0, 0)
