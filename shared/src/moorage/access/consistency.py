"""Consistency tokens: a position in the one global order of authority changes (authorization.md §3.1)."""

import re
from dataclasses import dataclass
from typing import Final

_PATTERN: Final = re.compile(r"zt1\.(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True, order=True)
class ConsistencyToken:
    """`zt1.<epoch>.<seq>`: opaque to clients, comparable inside an epoch, ordered by epoch first."""

    epoch: int
    seq: int

    @classmethod
    def parse(cls, text: str) -> "ConsistencyToken":
        """The token that `text` spells. Raises ValueError."""
        match = _PATTERN.fullmatch(text)
        if not match:
            raise ValueError("a consistency token is zt1.<epoch>.<seq>")
        return cls(int(match.group(1)), int(match.group(2)))

    def __str__(self) -> str:
        return f"zt1.{self.epoch}.{self.seq}"


ORIGIN = ConsistencyToken(0, 0)
