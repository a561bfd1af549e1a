"""Sending a blob that is an open file: the kernel copies it into the socket, and Python sees none of it (R92, R140).

It is done in a thread, because a file that is not in memory blocks who sends it; the socket itself never blocks. While
the client keeps up a turn of the thread goes on, up to a bound; then the event loop waits until the client takes more.
"""

import asyncio
import logging
import os
import select
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from moorage.distribution.content import BlobFile, DamagedContent
from moorage.oci.byte_range import ByteRange

_CALL_BYTES: Final = 8 * 1024 * 1024
_LAST_BYTES: Final = 64 * 1024
_TURN_SECONDS: Final = 0.1
_PATIENCE_MS: Final = 10
_log: Final = logging.getLogger(__name__)


def is_possible(request: web.Request) -> bool:
    """Whether bytes may go past the transport: there is a socket, and nothing encrypts what it carries."""
    transport = request.transport
    return (
        transport is not None
        and transport.get_extra_info("sslcontext") is None
        and transport.get_extra_info("socket") is not None
    )


async def send(
    request: web.Request, response: web.StreamResponse, file: BlobFile, span: ByteRange | None, idle_seconds: float
) -> web.StreamResponse:
    """Sends the file, or a range of it, which has `response.content_length` bytes.

    Who takes nothing for `idle_seconds` is not waited for any longer.
    After the head is out, whatever fails cuts the connection: the client must not take what it has for the whole.
    """
    start, stop = (span.start, span.stop) if span else (0, response.content_length or 0)
    try:
        writer = await response.prepare(request)
        if writer is not None:
            async with _past_the_transport(request, writer, idle_seconds) as socket:
                await _send(_Turn(socket, file, start, stop), idle_seconds)
            writer.output_size += stop - start
        await response.write_eof()
    except ConnectionError:
        pass  # the client left; there is nobody to tell
    except TimeoutError:
        _cut(request)
    except Exception:  # damage, storage gone, a bug: all the same to the client, who must see a cut
        _log.exception("A download was cut because its file could not be sent to the end")
        _cut(request)
    return response


@asynccontextmanager
async def _past_the_transport(
    request: web.Request, writer: AbstractStreamWriter, idle_seconds: float
) -> AsyncIterator[int]:
    """The socket, once all that was written is in it: a descriptor of our own, good even if the transport ends."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    transport.set_write_buffer_limits(0)
    try:
        writer.send_headers()
        async with asyncio.timeout(idle_seconds):
            await writer.drain()
        if transport.is_closing():
            raise ConnectionResetError
        with _duplicate(transport.get_extra_info("socket").fileno()) as socket:
            yield socket
    finally:
        if not transport.is_closing():
            transport.set_write_buffer_limits()


@contextmanager
def _duplicate(descriptor: int) -> Iterator[int]:
    if descriptor < 0:
        raise ConnectionResetError
    copy = os.dup(descriptor)
    try:
        yield copy
    finally:
        os.close(copy)


async def _send(turn: "_Turn", idle_seconds: float) -> None:
    while not await _in_thread(turn):
        async with asyncio.timeout(idle_seconds):
            await _writable(turn.socket)


async def _in_thread(turn: "_Turn") -> bool:
    """Cancelled, it waits for the thread: what that works on is the caller's to close."""
    running = asyncio.get_running_loop().run_in_executor(None, turn)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise


async def _writable(socket: int) -> None:
    loop = asyncio.get_running_loop()
    has_room = asyncio.Event()
    loop.add_writer(socket, has_room.set)
    try:
        await has_room.wait()
    finally:
        loop.remove_writer(socket)


class _Turn:
    """Goes on sending until the end, until the client takes no more for a moment, or for _TURN_SECONDS."""

    def __init__(self, socket: int, file: BlobFile, at: int, stop: int) -> None:
        self.socket = socket
        self._file = file
        self._at = at
        self._stop = stop
        self._last = max(at, stop - _LAST_BYTES)

    def __call__(self) -> bool:
        """Whether it came to the end. Raises DamagedContent if the file was written to, EOFError if it is short."""
        until = time.monotonic() + _TURN_SECONDS
        room = select.poll()
        room.register(self.socket, select.POLLOUT)
        while self._at < self._stop and time.monotonic() < until:
            try:
                self._some()
            except BlockingIOError:
                if not room.poll(_PATIENCE_MS):
                    break
        return self._at == self._stop

    def _some(self) -> None:
        """The last bytes go out only if the file is still what it was."""
        stop = self._last if self._at < self._last else self._stop
        if stop == self._stop and self._file.has_changed():
            raise DamagedContent("somebody wrote to the file of a blob while it was sent")
        sent = os.sendfile(self.socket, self._file.descriptor, self._at, min(stop - self._at, _CALL_BYTES))
        if not sent:
            raise EOFError("the file of a blob is shorter than the blob")
        self._at += sent


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
