"""Who has what, as one table of sorted integers: about five bytes an edge.

An edge is a key, a target and a value of two bits. All entities share one sequence of aliases, so one table has them
all: a user's groups (IN_GROUP), nodes (role) and workspace (membership) under the user, and a node's groups (role)
under the node. What a snapshot brought stays one block of packed columns; a row that changes is copied out of it, once.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import repeat
from typing import Final

from moorage.access.packed import MAX_ALIAS, EdgeColumns
from moorage.access.sums import SUM_MASK, term, terms
from moorage.gateway.replica.shards import PARTS, Shards

_ROW_COST: Final = 200
"""Bytes that a row of its own takes beside its entries: the array, the entry in the dictionary, the key."""

_KEYS_A_BUCKET: Final = 8
"""About how many keys are left to search in, once the bucket of an alias is known."""
_ALIASES_A_KEY: Final = 4
"""Where keys are no rarer, each alias has a bucket of its own, and nothing is searched."""

Row = tuple["array[int]", int, int]
"""An array and the range in it that is the row: sorted `target << 2 | value`."""


class Edges:
    """Sorted rows by key. `sum` is that of moorage.access.sums over every edge."""

    __slots__ = ("_buckets", "_changed", "_changes", "_columns", "_grown", "_shift", "sum")

    def __init__(self, columns: EdgeColumns | None = None) -> None:
        """Takes the columns over as they are: whoever decoded them has validated them."""
        self._columns = columns or EdgeColumns.empty()
        self._changed = Shards["array[int]"]()
        self._changes = False
        self._grown = 0
        self._shift, self._buckets = _buckets(self._columns)
        self.sum = 0
        keys, ends, targets = self._columns
        start = 0
        for key, end in zip(keys, ends, strict=True):
            self.sum += terms(key, targets[start:end])
            start = end
        self.sum &= SUM_MASK

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        keys, ends, targets = self._columns
        columns = len(keys) + len(ends) + len(targets) + len(self._buckets)
        return 4 * (columns + self._grown) + _ROW_COST * len(self._changed)

    def __len__(self) -> int:
        """How many there are, roughly: what a row of its own hides is counted as well."""
        return len(self._columns.targets) + self._grown

    def row(self, key: int) -> Row:
        """Everything of the key; the row is for reading, and only until the next change."""
        if self._changes:
            changed = self._changed.parts[key % PARTS].get(key)
            if changed is not None:
                return changed, 0, len(changed)
        keys, ends, targets = self._columns
        buckets, shift = self._buckets, self._shift
        bucket = key >> shift
        if bucket + 1 >= len(buckets):
            return targets, 0, 0
        if not shift:
            return targets, buckets[bucket], buckets[bucket + 1]
        limit = buckets[bucket + 1]
        place = bisect_left(keys, key, buckets[bucket], limit)
        if place == limit or keys[place] != key:
            return targets, 0, 0
        return targets, ends[place - 1] if place else 0, ends[place]

    def __iter__(self) -> Iterator[tuple[int, list[int]]]:
        """Every key that has edges, in order, with its entries."""
        for key in sorted({*self._columns.keys, *(key for key, _ in self._changed)}):
            entries, low, high = self.row(key)
            if low < high:
                yield key, entries[low:high].tolist()

    def put(self, key: int, target: int, value: int) -> None:
        """From now on the edge has this value; 0 takes it away. Raises ValueError for what is no alias or value."""
        if not (0 < key <= MAX_ALIAS and 0 < target <= MAX_ALIAS and 0 <= value <= 3):
            raise ValueError("an edge has two aliases and a value of two bits")
        wanted = target << 2
        entries, low, high = self.row(key)
        # Looked up as `held` does, once for what is there and for where it goes.
        place = bisect_left(entries, wanted, low, high)
        old = entries[place] ^ wanted if place < high and entries[place] >> 2 == target else 0
        if old == value:
            return
        changed = self._changed.parts[key % PARTS]
        own = changed.get(key)
        if own is None:
            own = changed[key] = entries[low:high]
            place -= low
            self._grown += len(own)
            self._changes = True
        if old and value:
            own[place] = wanted | value
        elif value:
            own.insert(place, wanted | value)
            self._grown += 1
        else:
            own.pop(place)
            self._grown -= 1
            self._forget_if_empty(key, own)
        told = (term(key, wanted | value) if value else 0) - (term(key, wanted | old) if old else 0)
        self.sum = (self.sum + told) & SUM_MASK

    def _forget_if_empty(self, key: int, own: "array[int]") -> None:
        """An empty row stays only where it hides one of the snapshot's."""
        if own:
            return
        keys = self._columns.keys
        place = bisect_left(keys, key)
        if place == len(keys) or keys[place] != key:
            del self._changed.parts[key % PARTS][key]


def _buckets(columns: EdgeColumns) -> tuple[int, "array[int]"]:
    """Where in sorted keys those begin that are the same when shifted, and by how much that is.

    Unshifted, a bucket is a row: then it says where among the targets that begins.
    """
    keys = columns.keys
    if not keys:
        return 0, array("I")
    spread = keys[-1] // len(keys)
    if spread < _ALIASES_A_KEY:
        return 0, array("I", _starts(columns))
    shift = (spread * _KEYS_A_BUCKET).bit_length() - 1
    return shift, array("I", (bisect_left(keys, bucket << shift) for bucket in range((keys[-1] >> shift) + 2)))


def _starts(columns: EdgeColumns) -> Iterator[int]:
    """Where the row of each alias begins, and where the last one ends; those without a row begin with the next one."""
    start, alias = 0, 0
    for key, end in zip(columns.keys, columns.ends, strict=True):
        yield from repeat(start, key - alias + 1)
        start, alias = end, key + 1
    yield start


def held(row: Row, target: int) -> int:
    """The value of the edge to the target; 0 without one."""
    entries, low, high = row
    wanted = target << 2
    place = bisect_left(entries, wanted, low, high)
    if place < high:
        found = entries[place] ^ wanted
        if found <= 3:
            return found
    return 0
