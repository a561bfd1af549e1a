"""Rows with their numbers: dense seqs as a change appends them, and whole frames as readers take them."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final, NamedTuple

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Row, RowKind

_INTERN: Final = int(RowKind.INTERN)


class LogRow(NamedTuple):
    """A row of the log as it is stored. Rows of one frame are applied as one whole."""

    seq: int
    frame: int
    kind: int
    ws: int
    a: int
    b: int
    val: int
    ver: int
    extra: dict[str, Any] | None

    def row(self) -> Row:
        """As the stream says it."""
        plain = (self.kind, self.ws, self.a, self.b, self.val, self.ver)
        return plain if self.extra is None else (*plain, self.extra)


class Numbered:
    """The rows of one change, numbered from the head as they are appended."""

    def __init__(self, head: ConsistencyToken) -> None:
        self._head = head
        self._frame: int | None = None
        self.by: str | None = None
        """Who makes this change, unless a fact says who made what it tells of."""
        self.rows: list[LogRow] = []
        self.events: list[str | None] = []

    @property
    def token(self) -> ConsistencyToken:
        """The position of the last row."""
        return ConsistencyToken(self._head.epoch, self._head.seq + len(self.rows))

    @property
    def frame(self) -> int:
        """The seq by which everything this change writes can be seen; the same from its first use on."""
        if self._frame is None:
            self._frame = self._head.seq + len(self.rows) + 1
        return self._frame

    def append(self, row: Row, event: str | None = None) -> int:
        """Appends a row; aliases that come before anything uses them may be read in frames of their own."""
        rows = self.rows
        seq = self._head.seq + len(rows) + 1
        frame = self._frame or seq
        if row[0] != _INTERN:
            self._frame = frame
        rows.append(LogRow(seq, frame, *row) if len(row) == 7 else LogRow(seq, frame, *row, None))
        self.events.append(event)
        return seq


def gather(rows: Iterable[LogRow], after: ConsistencyToken, limit: int) -> list[Delta]:
    """Whole frames, gathered into deltas of at most `limit` rows; a larger frame is a delta of its own."""
    deltas: list[Delta] = []
    gathered: list[Row] = []
    first = after.seq
    for _, group in groupby(rows, key=lambda row: row.frame):
        frame = [row.row() for row in group]
        if gathered and len(gathered) + len(frame) > limit:
            deltas.append(_delta(after.epoch, first, gathered))
            first, gathered = deltas[-1].last, []
        gathered = gathered + frame
    if gathered:
        deltas.append(_delta(after.epoch, first, gathered))
    return deltas


def _delta(epoch: int, first: int, rows: list[Row]) -> Delta:
    return Delta(epoch=epoch, first=first, last=first + len(rows), t=0, rows=rows)
