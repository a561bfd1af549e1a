"""A client that costs the machine little: one connection, requests one after the other, answers read and dropped."""

import asyncio
from typing import Self


class KeepAlive:
    """One connection to a port of loopback."""

    def __init__(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._port = port
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connected."""
        return cls(port, *await asyncio.open_connection("127.0.0.1", port))

    async def send(self, request: bytes) -> int:
        """The status of the answer to a whole request; once more where an idle connection was ended meanwhile."""
        try:
            return await self._sent(request)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._writer.close()
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            return await self._sent(request)

    async def _sent(self, request: bytes) -> int:
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if length := _length(head):
            await self._reader.readexactly(length)
        return int(head[9:12])

    def close(self) -> None:
        """Ends the connection."""
        self._writer.close()


def get(path: str, authorization: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: registry.test\r\nAuthorization: {authorization}\r\n\r\n".encode()


def post(path: str, authorization: str, body: bytes) -> bytes:
    """A POST request with JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: registry.test\r\nAuthorization: {authorization}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _length(head: bytes) -> int:
    """Of the body; our servers always say it."""
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 : head.index(b"\r\n", at + 2)]) if at >= 0 else 0
