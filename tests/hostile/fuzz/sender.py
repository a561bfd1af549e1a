"""Sends requests over connections that are kept, and reads exactly one answer to each."""

import asyncio
import re
from typing import Final
from urllib.parse import urlsplit

from hostile.attacker import Answer, Connection

HANG_SECONDS: Final = 30.0
_PATIENCE_SECONDS: Final = 0.25
NONE: Final = Answer(0, (), b"")
"""The connection ended without an answer."""
_BODILESS: Final = (204, 304)


class Sender:
    """The client's side. A connection is used again only if its last answer was read to the end and allowed it."""

    def __init__(self, url: str) -> None:
        self._place = urlsplit(url)
        self._idle: list[Connection] = []

    async def fire(self, sent: bytes, *, half: bool) -> Answer:
        """What came back. Raises TimeoutError for a hang."""
        async with asyncio.timeout(HANG_SECONDS):
            return await (self._alone(sent) if half else self._kept(sent))

    async def close(self) -> None:
        """Lets go of every connection."""
        for _, writer in self._idle:
            writer.transport.abort()
        self._idle.clear()
        await asyncio.sleep(0)

    async def _kept(self, sent: bytes) -> Answer:
        while self._idle:
            answer = await self._through(self._idle.pop(), sent)
            if answer.status:  # else the server had closed it in the meantime, as it may
                return answer
        return await self._through(await self._open(), sent)

    async def _through(self, connection: Connection, sent: bytes) -> Answer:
        reader, writer = connection
        answer = NONE
        try:
            writer.write(sent)
            answer = await _answer(reader, _method(sent))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            if answer.status == 0 or answer.header("Connection").lower() == "close":
                writer.transport.abort()
            else:
                self._idle.append(connection)
        return answer

    async def _alone(self, sent: bytes) -> Answer:
        """On a connection of its own that is closed on our side if no answer comes at once."""
        reader, writer = await self._open()
        try:
            writer.write(sent)
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    return await _answer(reader, _method(sent))
            except TimeoutError:
                writer.write_eof()
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
        return NONE

    async def _open(self) -> Connection:
        return await asyncio.open_connection(self._place.hostname, self._place.port)


async def _answer(reader: asyncio.StreamReader, method: str) -> Answer:
    status = 100
    while 100 <= status < 200:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        found = re.fullmatch(r"HTTP/1\.[01] (\d{3}) .*", first)
        if found is None:
            return Answer(599, (), head.encode())  # not HTTP: no rule allows it
        status = int(found[1])
    headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
    bodiless = method == "HEAD" or status in _BODILESS
    length = int(Answer(status, headers, b"").header("Content-Length") or 0)
    return Answer(status, headers, b"" if bodiless else await reader.readexactly(length))


def _method(sent: bytes) -> str:
    return sent.partition(b" ")[0].decode("latin-1")
