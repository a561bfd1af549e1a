"""A dictionary in many parts: one with a hundred thousand keys takes longer to grow than anybody should wait."""

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

V = TypeVar("V")
PARTS: Final = 61
"""A prime: whichever bits of keys differ, they are spread over all parts."""


class Shards(Generic[V]):
    """By integers; `parts[key % PARTS]` is an ordinary dictionary."""

    __slots__ = ("parts",)

    def __init__(self) -> None:
        self.parts: tuple[dict[int, V], ...] = tuple({} for _ in range(PARTS))

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __setitem__(self, key: int, value: V) -> None:
        self.parts[key % PARTS][key] = value

    def values(self) -> Iterator[V]:
        """Without their keys."""
        for part in self.parts:
            yield from part.values()

    def __iter__(self) -> Iterator[tuple[int, V]]:
        """Keys and values."""
        for part in self.parts:
            yield from part.items()
