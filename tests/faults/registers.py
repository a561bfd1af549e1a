"""Whether what clients saw of a register could have been seen one thing after the other (linearizability).

Each operation takes effect at one moment between its start and its end. Events are gone through in order; what is kept
is the set of all worlds that are still possible: a value, and which open operations have taken effect already.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

World = tuple[object, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A read of `value` or a write of it; None: nothing is there. `end` is infinite if nobody was told how it ended."""

    start: float
    end: float
    is_write: bool
    value: object


def first_impossible(operations: Iterable[Operation], before: object = None) -> Operation | None:
    """The first operation whose end no world explains; None if the history is linearizable."""
    known = _that_count(list(operations))
    starts = [(each.start, 1, at) for at, each in enumerate(known)]
    ends = [(each.end, 0, at) for at, each in enumerate(known)]
    worlds: set[World] = {(before, frozenset())}
    open_now: set[int] = set()
    for _, is_start, at in sorted(starts + ends):
        if is_start:
            open_now.add(at)
            continue
        if known[at].end == inf:
            break
        worlds = {(value, done - {at}) for value, done in _reachable(worlds, known, open_now) if at in done}
        open_now.discard(at)
        if not worlds:
            return known[at]
    return None


def _that_count(operations: list[Operation]) -> list[Operation]:
    """A write that was not acknowledged and that nobody has seen may as well never have been."""
    seen = {each.value for each in operations if not each.is_write}
    return [each for each in operations if not (each.is_write and each.end == inf and each.value not in seen)]


def _reachable(worlds: set[World], known: list[Operation], open_now: set[int]) -> set[World]:
    """All that the open operations can lead to. Reads that fit are done at once: that excludes nothing."""
    found, waiting = set[World](), list(worlds)
    while waiting:
        value, done = waiting.pop()
        done |= {at for at in open_now if not known[at].is_write and known[at].value == value}
        if (value, done) in found:
            continue
        found.add((value, done))
        waiting += [(known[at].value, done | {at}) for at in open_now - done if known[at].is_write]
    return found
