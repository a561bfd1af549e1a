"""A registry on a folder, on either event loop, and a bare client that sends its bytes as it likes."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvloop

from contracts.samples import push_blob, some_actor
from contracts.storage_parts import memory_stores, wired
from distribution.open_gate import image_called
from distribution.served import registry_on, served
from moorage.distribution.content import Content
from moorage.distribution.server.limits import Limits
from moorage.oci.digest import Digest
from moorage.runtime.clock import FixedClock
from moorage.storage.drivers.filesystem import FilesystemDriver
from moorage.storage.verified_objects import VerifiedObjects

NAME = "acme/app"
FOR_BOTH_LOOPS = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
NewLoop = Callable[[], asyncio.AbstractEventLoop]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a registry is, what it holds, and the folder of its blobs."""

    url: str
    content: Content
    folder: Path

    async def connect(self, receives: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection; `receives` bounds what the client's kernel takes unread."""
        place = urlsplit(self.url)
        sock = socket.socket()
        if receives is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (place.hostname, place.port))
        return await asyncio.open_connection(sock=sock, limit=2**16)

    async def push(self, data: bytes) -> Digest:
        """A blob, without the wire."""
        digest = Digest.of(data)
        image, actor = image_called(NAME), some_actor()
        assert await push_blob(self.content, image, data, actor) == digest
        return digest

    @property
    def object(self) -> Path:
        """The one object there is."""
        (path,) = [each for each in (self.folder / "objects").rglob("*") if each.is_file()]
        return path


@asynccontextmanager
async def place(folder: Path, limits: Limits | None = None) -> AsyncIterator[Place]:
    """A registry by whose clock every file is old, so that what was read once counts as verified."""
    clock = FixedClock(datetime(2100, 1, 1, tzinfo=UTC))
    content = wired(
        FilesystemDriver.open(folder), memory_stores(), FixedClock(), verified_objects=VerifiedObjects(clock)
    )
    async with served(registry_on(content, limits=limits or Limits())) as url:
        yield Place(url, content, folder)


def run(new_loop: NewLoop, work: Callable[[], Awaitable[None]]) -> None:
    """Runs the work on a loop of that kind."""

    async def main() -> None:
        async with asyncio.timeout(60):
            await work()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


def head(method: str, target: str, *fields: str) -> bytes:
    """The head of a request."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: h", *fields, "", ""]).encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """The next answer; its body has a length."""
    text = (await reader.readuntil(b"\r\n\r\n")).decode()
    found = re.match(r"HTTP/1\.1 (\d{3})", text)
    assert found, text
    fields = dict(line.split(": ", 1) for line in text.split("\r\n")[1:] if line)
    body = await reader.readexactly(int(fields.get("Content-Length", "0"))) if found[1] != "204" else b""
    return int(found[1]), fields, body
