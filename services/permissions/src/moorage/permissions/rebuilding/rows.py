"""Edges as rows of PostgreSQL's binary COPY format, written directly: half the time of leaving it to the driver."""

import struct
from collections.abc import Iterable
from typing import Final

from moorage.events.plain_edges import PlainEdge
from moorage.permissions.edge_columns import Ends

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
# Number of columns; ws, a, b, ver, digest and rank with their lengths; the length of the event's id.
_NUMBERS: Final = struct.Struct(">hiiiiiiiqiQihi").pack
_LENGTH: Final = struct.Struct(">i").pack


class Rows:
    """Rows of one table."""

    def __init__(self) -> None:
        self._parts = [_HEADER]

    def add(self, ws: int, told: Iterable[PlainEdge], ends: Iterable[Ends], a_kind: str, b_kind: str) -> None:
        """Edges of one workspace, alike in the kinds of their ends."""
        kinds = _text(a_kind) + _text(b_kind)
        # One author tells many edges.
        tails: dict[str | None, bytes] = {}
        append = self._parts.append
        for edge, (a, b) in zip(told, ends, strict=True):
            event, by = edge.event.encode(), edge.by
            tail = tails.get(by)
            if tail is None:
                tail = tails[by] = (_NULL if by is None else _text(by)) + kinds
            numbers = _NUMBERS(10, 4, ws, 4, a, 4, b, 8, edge.version, 8, edge.digest, 2, edge.rank, len(event))
            append(numbers + event + tail)

    def written(self) -> bytes:
        """All of them."""
        return b"".join([*self._parts, _TRAILER])


def _text(text: str) -> bytes:
    said = text.encode()
    return _LENGTH(len(said)) + said
