"""`python -m bench.floor.receiver PORT FOLDER`: takes a PUT of any size by a `BufferedProtocol`, and nothing else.

A ring of four buffers of 1 MiB: the kernel fills one while a thread hashes and writes another; synced, then answered.
"""

import asyncio
import hashlib
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, cast

import uvloop

_BUFFER_BYTES: Final = 1 << 20
_BUFFERS: Final = 4


class Receiver(asyncio.BufferedProtocol):
    """One connection; one request at a time."""

    def __init__(self, folder: Path, thread: ThreadPoolExecutor) -> None:
        self._folder, self._thread = folder, thread
        self._free = [bytearray(_BUFFER_BYTES) for _ in range(_BUFFERS)]
        self._buffer = self._free.pop()
        self._filled = self._start = self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are, but say so to nobody

    def get_buffer(self, _: int) -> memoryview:
        return memoryview(self._buffer)[self._filled :]

    def buffer_updated(self, count: int) -> None:
        self._filled += count
        if self._left == 0:
            self._begin()
        taken = self._filled - self._start
        if self._left and (taken >= self._left or self._filled == _BUFFER_BYTES):
            self._hand_over(taken)

    def _begin(self) -> None:
        head, end, _ = bytes(self._buffer[: self._filled]).partition(b"\r\n\r\n")
        if not end:
            return
        self._start = len(head) + len(end)
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if length is None:
            self._answer(b"200 OK", b"")
            return
        self._left = int(length[1])
        self._hash = hashlib.sha256()
        self._file = os.open(self._folder, os.O_TMPFILE | os.O_WRONLY)

    def _hand_over(self, taken: int) -> None:
        """Gives a full buffer to the thread and goes on with a free one, or waits for one."""
        buffer, start = self._buffer, self._start
        self._left -= taken
        self._filled = self._start = 0
        stored = asyncio.get_running_loop().run_in_executor(
            self._thread, self._store, memoryview(buffer)[start : start + taken], self._left == 0
        )
        stored.add_done_callback(lambda done: self._stored(buffer, done.result()))
        if self._free:
            self._buffer = self._free.pop()
        else:
            self._transport.pause_reading()

    def _store(self, data: memoryview, is_last: bool) -> bytes:
        """The digest, when the last byte is on the disk."""
        self._hash.update(data)
        while data:
            data = data[os.write(self._file, data) :]
        if not is_last:
            return b""
        os.fsync(self._file)
        os.close(self._file)
        return self._hash.hexdigest().encode()

    def _stored(self, buffer: bytearray, digest: bytes) -> None:
        if self._transport.is_reading():
            self._free.append(buffer)
        else:
            self._buffer = buffer
            self._transport.resume_reading()
        if digest:
            self._answer(b"201 Created", digest)

    def _answer(self, status: bytes, digest: bytes) -> None:
        self._filled = self._start = 0
        head = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nDocker-Content-Digest: sha256:%s\r\n\r\n" % (status, digest)
        self._transport.write(head)


async def _serve(port: int, folder: Path) -> None:
    thread = ThreadPoolExecutor(1)
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(folder, thread), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
