"""Edges as rows of PostgreSQL's binary COPY format, written directly: half the time of leaving it to the driver."""

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from moorage.events.plain_edges import PlainEdge
from moorage.permissions.edge_columns import Ends
from moorage.permissions.rebuilding.staging import COLUMNS, Stamp
from moorage.permissions.slots import Table

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# Number of columns; ws, a, b and ver with their lengths; the length of the event's id.
_both_ends: Final = struct.Struct(">hiiiiiiiqi").pack
_one_end: Final = struct.Struct(">hiiiiiqi").pack
_present: Final = struct.Struct(">i?").pack
_role: Final = struct.Struct(">ih").pack
# Fingerprint, src, at and seq with their lengths.
_stamped: Final = struct.Struct(">iqiiiqiq").pack
_length: Final = struct.Struct(">i").pack


class Rows:
    """Rows of one table, alike in their stamp."""

    def __init__(self, table: Table, stamp: Stamp) -> None:
        self._columns = len(COLUMNS[table])
        self._value = _present if table is Table.GROUP_MEMBER else _role
        self._one_end = table is Table.WORKSPACE_MEMBER
        self._kinds = table is Table.GRANT
        self._stamp = (4, stamp.source, 8, (stamp.at - _EPOCH) // _MICROSECOND, 8, stamp.seq)
        self._parts = [_HEADER]

    def add(self, ws: int, told: Iterable[PlainEdge], ends: Iterable[Ends], a_kind: str, b_kind: str) -> None:
        """Edges of one workspace, alike in the kinds of their ends."""
        kinds = _text(a_kind) + _text(b_kind) if self._kinds else b""
        # One author tells many edges, and there are few values.
        tails: dict[tuple[int, str | None], bytes] = {}
        columns, append, pack = self._columns, self._parts.append, _without_b if self._one_end else _both_ends
        for edge, (a, b) in zip(told, ends, strict=True):
            event, said = edge.event.encode(), (edge.rank, edge.by)
            tail = tails.get(said)
            if tail is None:
                tail = tails[said] = self._tail(*said) + kinds
            append(pack(columns, 4, ws, 4, a, 4, b, 8, edge.version, len(event)) + event + tail)

    def _tail(self, rank: int, by: str | None) -> bytes:
        value = self._value(1, rank) if self._value is _present else self._value(2, rank)
        return value + _stamped(8, rank, *self._stamp) + (_NULL if by is None else _text(by))

    def written(self) -> bytes:
        """All of them."""
        return b"".join([*self._parts, _TRAILER])


def _without_b(
    columns: int, ws_length: int, ws: int, a_length: int, a: int, _: int, __: int, ver_length: int, ver: int, event: int
) -> bytes:
    return _one_end(columns, ws_length, ws, a_length, a, ver_length, ver, event)


def _text(text: str) -> bytes:
    said = text.encode()
    return _length(len(said)) + said
