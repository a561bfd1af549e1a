"""One workspace of a replica, and the sums by which it is compared with the authority's (authorization.md §2.6)."""

from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

from moorage.gateway.replica.workspace_facts import WorkspaceFacts

KEPT_SUMS: Final = 4096
"""How many frames back the sum of a workspace is known: the authority's may be of an earlier position."""


class _Since(NamedTuple):
    """Between these positions, both included, the sum was this."""

    first: int
    last: int
    sum: int


class Part:
    """A workspace's facts, told by a snapshot at `seq` and by the stream after it."""

    def __init__(self, facts: WorkspaceFacts, epoch: int, seq: int, as_of: Mapping[str, int]) -> None:
        self.facts = facts
        self.epoch = epoch
        self.seq = seq
        self.as_of = as_of
        self._unchanged_since = seq
        self.changing_to = seq
        """The end of the newest frame that has a row of this workspace, applied or under way."""
        self._sums: deque[_Since] = deque(maxlen=KEPT_SUMS)

    def changes(self, first: int, last: int) -> None:
        """A frame from `first` to `last` has a row of this workspace; called before its first one is applied."""
        self._sums.append(_Since(self._unchanged_since, first, self.facts.sum))
        self._unchanged_since = self.changing_to = last

    def sum_at(self, seq: int, head: int) -> int | None:
        """The sum at a position up to `head`; None if it lies inside a frame, or is no longer kept."""
        if self._unchanged_since <= seq <= head:
            return self.facts.sum
        return next((each.sum for each in reversed(self._sums) if each.first <= seq <= each.last), None)
