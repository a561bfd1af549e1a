"""The chunked transfer coding, decoded in place and strictly (RFC 9112 §7.1, R134). Pure."""

import re
from typing import Final

_LOOK_AHEAD: Final = 64
_MAX_LINE_BYTES: Final = 4 * 1024
_MAX_TRAILER_BYTES: Final = 16 * 1024
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t\x20-\x7e]*)?")
_FIELD: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")


class ChunksMalformed(Exception):
    """What came is no chunked coding, so nobody can tell where the body ends."""


class Chunks:
    """A decoder between two reads. `decoded`: bytes of content so far. `is_finished`: the coding has ended."""

    most_bytes: Final = 128 * 1024
    """In chunks of one byte so much takes a tenth of a second, and nothing else is done meanwhile."""

    def __init__(self) -> None:
        self.decoded = 0
        self.is_finished = False
        self._left = 0
        self._line = b""
        self._reads = self._size
        self._trailer_bytes = 0

    def decode(self, region: memoryview) -> tuple[int, int]:
        """Moves the content in `region` to its front; how many bytes that are, and how many of the region were used.

        All is used unless the coding ends in it. Raises ChunksMalformed.
        """
        at = kept = 0
        while at < len(region) and not self.is_finished:
            if self._left:
                taken = min(self._left, len(region) - at)
                if kept != at:
                    region[kept : kept + taken] = region[at : at + taken]
                at, kept, self._left = at + taken, kept + taken, self._left - taken
            else:
                at += self._read_line(region[at : at + _LOOK_AHEAD])
        self.decoded += kept
        return kept, at

    def _read_line(self, ahead: memoryview) -> int:
        found, line_feed, _ = bytes(ahead).partition(b"\n")
        self._line += found
        if len(self._line) > _MAX_LINE_BYTES:
            raise ChunksMalformed
        if line_feed:
            line, self._line = self._line, b""
            if line[-1:] != b"\r":
                raise ChunksMalformed
            self._reads(line[:-1])
        return len(found) + len(line_feed)

    def _size(self, line: bytes) -> None:
        told = _SIZE.fullmatch(line)
        if told is None:
            raise ChunksMalformed
        self._left = int(told[1], 16)
        self._reads = self._end_of_chunk if self._left else self._trailer

    def _end_of_chunk(self, line: bytes) -> None:
        if line:
            raise ChunksMalformed
        self._reads = self._size

    def _trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        if not line:
            self.is_finished = True
        elif self._trailer_bytes > _MAX_TRAILER_BYTES or not _FIELD.fullmatch(line):
            raise ChunksMalformed
