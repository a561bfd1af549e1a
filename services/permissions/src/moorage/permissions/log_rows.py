"""Rows of the log: numbered without a hole as a change appends them, kept and taken by readers in whole frames."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Row, RowKind
from moorage.permissions.lookups import PositionUnknown

LEAD_ROWS: Final = 1000
"""How many aliases that nothing uses yet are read at once, at most: readers refuse frames that are far too long."""
_INTERN: Final = int(RowKind.INTERN)


@dataclass(frozen=True, slots=True)
class LogFrame:
    """Rows that readers apply as one whole; `first` is the seq before the first of them."""

    first: int
    rows: Sequence[Row]

    @property
    def last(self) -> int:
        """The seq of the last row."""
        return self.first + len(self.rows)


class Numbered:
    """The rows of one change, numbered from the head as they are appended."""

    def __init__(self, head: ConsistencyToken) -> None:
        self._head = head
        self._lead: int | None = None
        self.by: str | None = None
        """Who makes this change, unless a fact says who made what it tells of."""
        self.rows: list[Row] = []
        self.newest: dict[int, tuple[int, str]] = {}
        """By the alias of a workspace, the seq of the last row that an event has caused, and the event."""

    @property
    def token(self) -> ConsistencyToken:
        """The position of the last row."""
        return ConsistencyToken(self._head.epoch, self._head.seq + len(self.rows))

    @property
    def frame(self) -> int:
        """The seq by which everything this change writes can be seen; the same from its first use on."""
        if self._lead is None:
            self._lead = len(self.rows)
        return self._head.seq + self._lead + 1

    def append(self, row: Row, event: str | None = None) -> int:
        """Appends a row; aliases that come before anything uses them may be read in frames of their own."""
        if self._lead is None and row[0] != _INTERN:
            self._lead = len(self.rows)
        self.rows.append(row)
        seq = self._head.seq + len(self.rows)
        if event is not None:
            self.newest[row[1]] = (seq, event)
        return seq

    def extend(self, rows: Iterable[Row], event: str | None = None) -> None:
        """Appends rows; of the events that told of them, this is the newest."""
        before = len(self.rows)
        self.rows.extend(rows)
        if self._lead is None:
            self._lead = next((at for at in range(before, len(self.rows)) if self.rows[at][0] != _INTERN), None)
        if event is not None:
            first = self._head.seq + before + 1
            last = {row[1]: seq for seq, row in enumerate(islice(self.rows, before, None), first)}
            self.newest.update({ws: (seq, event) for ws, seq in last.items()})

    def frames(self) -> list[LogFrame]:
        """The rows as they are kept: in one frame, or behind others of aliases that nothing uses yet."""
        total, lead = len(self.rows), len(self.rows) if self._lead is None else self._lead
        cuts = [*range(0, lead, LEAD_ROWS), lead] if total > LEAD_ROWS else [0]
        ends = pairwise([*cuts, total])
        return [LogFrame(self._head.seq + start, self.rows[start:end]) for start, end in ends if start < end]


def gather(frames: Iterable[LogFrame], after: ConsistencyToken, limit: int) -> list[Delta]:
    """Frames, gathered into deltas of at most `limit` rows; a larger frame is a delta of its own.

    They end where a frame is missing. Raises PositionUnknown if what follows the position is.
    """
    deltas: list[Delta] = []
    gathered: list[Row] = []
    first = last = after.seq
    for frame in frames:
        if frame.first > last or frame.last <= last:
            break
        if gathered and last - first + len(frame.rows) > limit:
            deltas.append(_delta(after.epoch, first, gathered))
            first, gathered = last, []
        gathered += frame.rows[last - frame.first :]
        last = frame.last
    if not gathered:
        raise PositionUnknown
    return [*deltas, _delta(after.epoch, first, gathered)]


def _delta(epoch: int, first: int, rows: list[Row]) -> Delta:
    return Delta(epoch=epoch, first=first, last=first + len(rows), t=0, rows=rows)
