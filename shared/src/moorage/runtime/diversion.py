"""A large body past the parser: from the socket into a few buffers that are filled and handed out in turn (R140)."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Final, Protocol

from aiohttp import web

from moorage.runtime.chunked import ChunksMalformed

BUFFER_BYTES: Final = 1024 * 1024
BUFFERS: Final = 3
"""One is filled, one is written, one lies between: so the socket is seldom left alone."""
_GATHERED_SECONDS: Final = 0.25
"""Who waits so long is given a buffer that is not full: whoever it is for must hear of slow senders too."""


class Framing(Protocol):
    """Where the body ends. See Chunks. `most_bytes` are decoded in one turn of the loop."""

    @property
    def most_bytes(self) -> int:
        """How much may be received at once."""
        ...

    @property
    def is_finished(self) -> bool:
        """Whether it has come to its end."""
        ...

    def decode(self, region: memoryview) -> tuple[int, int]:
        """Leaves the content at the front of what was received; how much that is, and how much belonged to the body."""
        ...


class Length:
    """The framing of a body of which so many bytes are to come."""

    most_bytes: Final = BUFFER_BYTES

    def __init__(self, left: int) -> None:
        self.left = left

    @property
    def is_finished(self) -> bool:
        """See Framing."""
        return not self.left

    def decode(self, region: memoryview) -> tuple[int, int]:
        """See Framing."""
        taken = min(self.left, len(region))
        self.left -= taken
        return taken, taken


class Diversion(asyncio.BufferedProtocol):
    """The protocol of a connection's transport while one body comes in; afterwards the connection has it back.

    `ended` is called once, after that, with what was received behind the body, or with None if its framing is broken.
    Everything but the body's bytes goes to the connection, as if nobody stood between.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        connection: asyncio.Protocol,
        framing: Framing,
        ended: Callable[[bytes | None], object],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._connection = connection
        self._framing = framing
        self._ended = ended
        self._filling: bytearray | None = bytearray(BUFFER_BYTES)
        self._filled = 0
        self._made = 1
        self._free: list[bytearray] = []
        self._ready: deque[tuple[bytearray, int]] = deque()
        self._news = asyncio.Event()
        self._heard_at = self._loop.time()
        self._is_over = False
        self._is_lost = False
        self._is_discarding = False
        self._failure: Exception | None = None
        transport.pause_reading()
        transport.set_protocol(self)
        transport.resume_reading()

    async def blocks(self, idle_seconds: float, stalled: Callable[[], Exception]) -> AsyncGenerator[memoryview, None]:
        """The body, in order; a block is valid until the next one is asked for, and released then.

        What arrived is handed out before a failure: ConnectionResetError, RequestPayloadError, or what `stalled` makes
        when nothing came for `idle_seconds`. Who stops asking lets the rest of the body flow into nothing.
        """
        try:
            while (block := await self._next(idle_seconds, stalled)) is not None:
                buffer, size = block
                with memoryview(buffer) as whole, whole[:size] as content:
                    yield content
                self._recycle(buffer)
            if self._failure is not None:
                raise self._failure
        finally:
            self._discard()

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio.BufferedProtocol. Reading is paused while there is none."""
        assert self._filling is not None
        return memoryview(self._filling)[self._filled : self._filled + self._framing.most_bytes]

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio.BufferedProtocol."""
        assert self._filling is not None
        self._heard_at = self._loop.time()
        with memoryview(self._filling) as whole, whole[self._filled : self._filled + nbytes] as region:
            try:
                kept, used = self._framing.decode(region)
            except ChunksMalformed:
                self._end(None, web.RequestPayloadError("the body's framing is broken"))
                return
            behind = bytes(region[used:])
        if not self._is_discarding:
            self._filled += kept
        if self._framing.is_finished:
            self._end(behind)
        elif self._filled == len(self._filling):
            self._turn_over()

    def eof_received(self) -> bool | None:
        """See asyncio.BufferedProtocol."""
        return self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.BufferedProtocol."""
        self._is_lost = True
        if not self._is_over:
            self._stop(ConnectionResetError("the connection ended in the middle of a body"))
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio.BufferedProtocol."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio.BufferedProtocol."""
        self._connection.resume_writing()

    async def _next(self, idle_seconds: float, stalled: Callable[[], Exception]) -> tuple[bytearray, int] | None:
        while not (self._ready or self._is_over or self._failure):
            left = self._heard_at + idle_seconds - self._loop.time()
            if left <= 0:
                self._hand_out()
                self._failure = stalled()
                break
            await self._hear(min(left, _GATHERED_SECONDS))
        return self._ready.popleft() if self._ready else None

    async def _hear(self, seconds: float) -> None:
        """Returns when there is a full buffer or the end, or after so long with whatever came."""
        self._news.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            if self._filled:
                self._turn_over()

    def _hand_out(self) -> None:
        if self._filling is not None and self._filled and not self._is_discarding:
            self._ready.append((self._filling, self._filled))
            self._filling, self._filled = None, 0
            self._news.set()

    def _turn_over(self) -> None:
        self._hand_out()
        if self._free:
            self._filling = self._free.pop()
        elif self._made < BUFFERS:
            self._filling, self._made = bytearray(BUFFER_BYTES), self._made + 1
        else:
            self._transport.pause_reading()

    def _recycle(self, buffer: bytearray) -> None:
        if self._filling is None and not self._is_over:
            self._filling = buffer
            self._heard_at = self._loop.time()  # the client was not listened to, so it could say nothing
            self._transport.resume_reading()
        else:
            self._free.append(buffer)

    def _end(self, behind: bytes | None, failure: Exception | None = None) -> None:
        """The transport is given back when this read is done, before anybody hears that the body is over."""
        self._transport.pause_reading()
        self._loop.call_soon(self._give_back, behind)
        self._stop(failure)

    def _stop(self, failure: Exception | None) -> None:
        self._hand_out()
        self._is_over, self._failure = True, self._failure or failure
        self._news.set()

    def _give_back(self, behind: bytes | None) -> None:
        if not self._is_lost:
            self._transport.set_protocol(self._connection)
            self._ended(behind)

    def _discard(self) -> None:
        self._ready.clear()
        self._is_discarding, self._filled = True, 0
        if not self._is_over and self._filling is None:
            self._filling = bytearray(BUFFER_BYTES)
            self._transport.resume_reading()
