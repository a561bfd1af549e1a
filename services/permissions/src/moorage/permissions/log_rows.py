"""Rows with their numbers: dense seqs as a change appends them, and whole frames as readers take them."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Row, RowKind


@dataclass(frozen=True, slots=True)
class LogRow:
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

    def columns(self) -> tuple[int, int, int, int, int, int, int, int, dict[str, Any] | None]:
        """In the order of the fields."""
        return self.seq, self.frame, self.kind, self.ws, self.a, self.b, self.val, self.ver, self.extra


class Numbered:
    """The rows of one change, numbered from the head as they are appended."""

    def __init__(self, head: ConsistencyToken) -> None:
        self._head = head
        self._frame: int | None = None
        self.rows: list[LogRow] = []
        self.events: list[str | None] = []

    @property
    def token(self) -> ConsistencyToken:
        """The position of the last row."""
        return ConsistencyToken(self._head.epoch, self._head.seq + len(self.rows))

    def append(self, row: Row, event: str | None = None) -> int:
        """Appends a row; aliases that come before anything uses them may be read in frames of their own."""
        seq = self.token.seq + 1
        if self._frame is None and row[0] != RowKind.INTERN:
            self._frame = seq
        extra = row[6] if len(row) == 7 else None
        self.rows.append(LogRow(seq, self._frame or seq, *row[:6], extra))
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
