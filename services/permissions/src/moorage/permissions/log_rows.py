"""Rows of the log: numbered without a hole as a change appends them, kept and taken by readers in whole frames."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

from pydantic_core import to_json

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Row, RowKind
from moorage.permissions.lookups import PositionUnknown

LEAD_ROWS: Final = 1000
"""How many aliases that nothing uses yet are read at once, at most: readers refuse frames that are far too long."""
FRAME_WEIGHT: Final = 1000
"""So much is told before a pause counts: far below what readers refuse, in rows and in bytes."""
_INTERN: Final = int(RowKind.INTERN)
_LONG: Final = frozenset({int(RowKind.IMAGE), int(RowKind.WORKSPACE)})
_WEIGHED_BYTES: Final = 1024


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
        self._pauses: list[int] = []
        self._told = self._weighed = 0
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
        """The seq by which what this change writes now can be seen; the same from its first use to the next pause."""
        if self._lead is None:
            self._lead = len(self.rows)
        return self._head.seq + (self._pauses[-1] if self._pauses else self._lead) + 1

    def pause(self) -> None:
        """Readers may stand here: what was told is right without what follows. They do once enough was told."""
        self._told += weight(self.rows[self._weighed :])
        self._weighed = len(self.rows)
        if self._told >= FRAME_WEIGHT:
            self._pauses.append(self._weighed)
            self._told = 0

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
        """The rows as they are kept: a frame from pause to pause, behind those of aliases that nothing uses yet."""
        total, lead = len(self.rows), len(self.rows) if self._lead is None else self._lead
        cuts = [*range(0, lead, LEAD_ROWS), lead] if total > LEAD_ROWS else [0]
        ends = pairwise([*cuts, *self._pauses, total])
        return [LogFrame(self._head.seq + start, self.rows[start:end]) for start, end in ends if start < end]


def weight(rows: Sequence[Row]) -> int:
    """How many rows they count for: what an image is published and consumed by may be long."""
    return len(rows) + sum(
        [len(to_json(row[6])) // _WEIGHED_BYTES for row in rows if row[0] in _LONG and len(row) == 7]
    )


def gather(frames: Iterable[LogFrame], after: ConsistencyToken, limit: int) -> list[Delta]:
    """Frames, gathered into deltas of at most `limit` rows, by their weight; a larger frame is a delta of its own.

    They end where a frame is missing. Raises PositionUnknown if what follows the position is.
    """
    deltas: list[Delta] = []
    gathered: list[Row] = []
    first = last = after.seq
    gathered_weight = 0
    for frame in frames:
        if frame.first > last or frame.last <= last:
            break
        news = frame.rows[last - frame.first :]
        news_weight = weight(news)
        if gathered and gathered_weight + news_weight > limit:
            deltas.append(_delta(after.epoch, first, gathered))
            first, gathered, gathered_weight = last, [], 0
        gathered += news
        gathered_weight += news_weight
        last = frame.last
    if not gathered:
        raise PositionUnknown
    return [*deltas, _delta(after.epoch, first, gathered)]


def _delta(epoch: int, first: int, rows: list[Row]) -> Delta:
    # What we have written ourselves is not validated anew for every reader.
    return Delta.model_construct(epoch=epoch, first=first, last=first + len(rows), t=0, rows=rows)
