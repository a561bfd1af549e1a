"""Byte ranges: of a blob that is read (RFC 9110 §14) and of a chunk that is uploaded (distribution-spec)."""

import re
from dataclasses import dataclass
from typing import Final

from moorage.oci.errors import ParameterInvalid, RangeNotSatisfiable

_SINGLE: Final = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)
_CHUNK: Final = re.compile(r"(?:bytes[ =])?(\d{1,19})-(\d{1,19})(?:/(?:\d{1,19}|\*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes it spans."""
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """The Content-Range of a 206 answer for content of `size` bytes."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def requested(header: str | None, size: int) -> ByteRange | None:
    """The single range that a Range header asks of content of `size` bytes; None means the whole content.

    Several ranges, other units and odd syntax are ignored, as RFC 9110 §14.2 allows. Raises RangeNotSatisfiable.
    """
    match = _SINGLE.fullmatch(header.strip()) if header else None
    if not match or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    start, stop = (max(0, size - int(last)), size) if first == "" else (int(first), size)
    if first and last:
        stop = min(size, int(last) + 1)
    if start >= stop:
        raise RangeNotSatisfiable(f"the blob has {size} bytes", headers={"Content-Range": f"bytes */{size}"})
    return ByteRange(start, stop)


def of_chunk(header: str | None) -> ByteRange | None:
    """The span that the Content-Range of an uploaded chunk names; None without one. Raises ParameterInvalid."""
    if header is None:
        return None
    match = _CHUNK.fullmatch(header.strip())
    if not match or int(match.group(2)) < int(match.group(1)):
        raise ParameterInvalid("the Content-Range of a chunk is <first byte>-<last byte>, both counted from 0")
    return ByteRange(int(match.group(1)), int(match.group(2)) + 1)
