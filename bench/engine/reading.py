"""An answer on its way in: only as much of HTTP/1.1 as registries use in answers."""

import socket
from typing import Final

from bench.engine.message import LoadFailed, Request, Response

_NOWHERE: Final = memoryview(bytearray(4 << 20))
"""Never written nor read: MSG_TRUNC needs a length only."""
_READ_BYTES: Final = 256 << 10
_LAST_CHUNK: Final = b"0\r\n\r\n"


class ServerClosed(Exception):
    """The server closed the connection before it said anything of an answer."""


class Reading:
    """One answer of which some may have come already."""

    __slots__ = ("_chunked", "_early", "_got", "_head", "_keep", "_length", "_parts", "_request")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._keep = request.keep
        self._early = self._head = b""
        self._parts: list[bytes] = []
        self._length = self._got = 0
        self._chunked = False

    def read(self, source: socket.socket) -> Response:
        """The whole answer. Raises BlockingIOError while some is missing, ServerClosed, LoadFailed."""
        while True:
            complete = self._drop(source) if self._is_dropping() else self._take(self._received(source))
            if complete:
                return self._response()

    def _is_dropping(self) -> bool:
        return bool(self._head) and not self._keep and not self._chunked

    def _drop(self, source: socket.socket) -> bool:
        wanted = min(self._length - self._got, len(_NOWHERE))
        count = source.recv_into(_NOWHERE, wanted, socket.MSG_TRUNC)
        if count == 0:
            raise LoadFailed(f"{self._request.operation}: the server closed inside a body")
        self._got += count
        return self._got >= self._length

    def _received(self, source: socket.socket) -> bytes:
        try:
            data = source.recv(_READ_BYTES)
        except ConnectionResetError:
            data = b""
        if data:
            return data
        if self._early or self._head:
            raise LoadFailed(f"{self._request.operation}: the server closed inside an answer")
        raise ServerClosed

    def _take(self, data: bytes) -> bool:
        if self._head:
            return self._take_body(data)
        self._early += data
        end = self._early.find(b"\r\n\r\n")
        if end < 0:
            return False
        head, rest = self._early[: end + 2], self._early[end + 4 :]
        if head[9:12] == b"100":
            self._early = b""
            return bool(rest) and self._take(rest)
        self._head = head
        self._frame(head.lower())
        return self._take_body(rest)

    def _frame(self, head: bytes) -> None:
        """How long the body is (RFC 9112 §6)."""
        start = head.find(b"\r\ncontent-length:")
        if start >= 0:
            self._length = int(head[start + 17 : head.index(b"\r\n", start + 17)])
        self._chunked = not self._ends_with_head() and start < 0 and b"\r\ntransfer-encoding: chunked" in head

    def _ends_with_head(self) -> bool:
        return self._request.bodiless or self._head[9:12] in (b"204", b"304")

    def _take_body(self, data: bytes) -> bool:
        self._parts.append(data)
        self._got += len(data)
        if self._ends_with_head():
            return True
        if self._chunked:
            return b"".join(self._parts[-len(_LAST_CHUNK) :]).endswith(_LAST_CHUNK)
        return self._got >= self._length

    def _response(self) -> Response:
        body = b"".join(self._parts)
        return Response(
            int(self._head[9:12]), self._head, unchunked(body) if self._chunked else body, self._length or len(body)
        )


def unchunked(coded: bytes) -> bytes:
    """A body without its chunked coding; trailers are dropped."""
    chunks, at = list[bytes](), 0
    while True:
        line = coded.index(b"\r\n", at)
        size = int(coded[at:line].split(b";")[0], 16)
        if size == 0:
            return b"".join(chunks)
        chunks.append(coded[line + 2 : line + 2 + size])
        at = line + 4 + size
