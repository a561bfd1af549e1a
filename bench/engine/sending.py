"""Bodies on their way out. `send` raises BlockingIOError when the socket is full and goes on at the next call."""

import os
import socket
from collections.abc import Iterator
from typing import Final, Protocol

from bench.engine.message import FileBody

_SENDFILE_BYTES: Final = 4 << 20
Part = bytes | memoryview


class Sending(Protocol):
    """A body of which some is sent already."""

    def send(self, to: socket.socket) -> None:
        """Sends until everything is out. Raises BlockingIOError before that."""
        ...


def sending(body: FileBody) -> Sending:
    """The body in the coding it asks for."""
    return InChunks(body) if body.chunk else ByLength(body)


class ByLength:
    """With a Content-Length: the prefix, then the file by sendfile."""

    def __init__(self, body: FileBody) -> None:
        self._body = body
        self._prefix: Part = memoryview(body.prefix)
        self._at = body.offset

    def send(self, to: socket.socket) -> None:
        """Copies nothing through this process but the prefix."""
        while self._prefix:
            self._prefix = self._prefix[to.send(self._prefix) :]
        end = self._body.offset + self._body.size
        while self._at < end:
            self._at += os.sendfile(to.fileno(), self._body.file, self._at, min(_SENDFILE_BYTES, end - self._at))


class InChunks:
    """Without a length: chunk after chunk, as docker sends layers (RFC 9112 §7.1)."""

    def __init__(self, body: FileBody) -> None:
        self._chunks = _chunks(body)
        self._parts = next(self._chunks)

    def send(self, to: socket.socket) -> None:
        """Each chunk by one system call, if the socket takes it whole."""
        while self._parts:
            self._parts = _after(self._parts, to.sendmsg(self._parts)) or next(self._chunks, [])


def _chunks(body: FileBody) -> Iterator[list[Part]]:
    if body.prefix:
        yield _framed(body.prefix)
    for at in range(body.offset, body.offset + body.size, body.chunk):
        yield _framed(body.view[at : min(at + body.chunk, body.offset + body.size)])
    yield [b"0\r\n\r\n"]


def _framed(data: Part) -> list[Part]:
    return [b"%x\r\n" % len(data), data, b"\r\n"]


def _after(parts: list[Part], sent: int) -> list[Part]:
    """What is left of the parts after so many bytes."""
    left: list[Part] = []
    for part in parts:
        if sent < len(part):
            left.append(part[sent:])
        sent = max(0, sent - len(part))
    return left
