"""What a script says to the engine, and what it hears."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final


class LoadFailed(RuntimeError):
    """An answer that should not have come, or none: the figures of this round would mean nothing."""


_EMPTY: Final = memoryview(b"")


@dataclass(frozen=True, slots=True)
class FileBody:
    """A body of `prefix`, then `size` bytes of a page-cached file from `offset`.

    With `chunk` it goes out in the chunked transfer coding, so many bytes a chunk, and needs `view`, the file mapped.
    """

    file: int
    offset: int
    size: int
    prefix: bytes = b""
    chunk: int = 0
    view: memoryview = _EMPTY

    @property
    def total(self) -> int:
        """Bytes in all."""
        return len(self.prefix) + self.size


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and what a right answer to it is.

    `head` are the bytes of the head and of a small body; `operation` is the name its latency is kept under. An answer
    has a status of `accept`, names `digest` in its head, and is `length` bytes long, where these are given. Its body is
    kept on demand only; `bodiless` says that none follows (HEAD).
    """

    operation: str
    head: bytes
    accept: tuple[int, ...] = (200,)
    body: FileBody | None = None
    keep: bool = False
    bodiless: bool = False
    digest: bytes = b""
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """The connection stays idle until then (seconds of `time.perf_counter`)."""

    until: float


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer; `length` is its Content-Length, which HEAD has too."""

    status: int
    head: bytes
    body: bytes
    length: int

    def header(self, name: str) -> str:
        """The value of a header, empty where there is none."""
        start = self.head.lower().find(b"\r\n" + name.lower().encode() + b":")
        if start < 0:
            return ""
        start += len(name) + 3
        return self.head[start : self.head.index(b"\r\n", start)].decode("latin-1").strip()


Script = Generator[Request | Pause, Response, None]
"""One connection's work: yields requests one after the other and is sent the answers."""
