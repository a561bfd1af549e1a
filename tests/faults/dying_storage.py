"""A parent that has all modules of storage in memory, and forks a storage process for each line it is told.

A line is a JSON array: what to do, then the DSN, the data folder, the image, the principal and a number. The parent
says the child's pid, the child what it has done, and at its end the parent how it ended. See storage_children.
"""

import asyncio
import itertools
import json
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from moorage.distribution.content import Actor, Chunk, Content
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.storage.app import connect_storage
from moorage.storage.settings import StorageSettings

LANES = 3
FIRST = 300_000


def content_of(number: int) -> bytes:
    """The blob of that number: large enough for threads, small enough to be quick."""
    return random.Random(number).randbytes(600_000)


def read_line() -> str:
    """The next line; nothing behind it is taken from whoever reads after."""
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line.decode()


def tell(what: object) -> None:
    """In one write: it is told whole or not at all."""
    os.write(1, f"{what}\n".encode())


async def body(*pieces: bytes) -> AsyncIterator[bytes]:
    """A request's body."""
    for piece in pieces:
        yield piece


async def close(content: Content, image: UUID, actor: Actor, number: int) -> None:
    """Uploads a part, tells the session, waits for a line, and closes with the rest; 201 when it is told to be done."""
    data = content_of(number)
    session = await content.start_upload(image, actor, DigestAlgorithm.SHA256)
    await content.append(image, session.id, actor, Chunk(body(data[:FIRST])))
    tell(session.id)
    read_line()
    await content.finish_upload(image, session.id, actor, Digest.of(data), Chunk(body(data[FIRST:])))
    tell(201)


async def push(content: Content, image: UUID, actor: Actor, number: int) -> None:
    """Pushes blob after blob of all sizes, some of them more than once, and tells each digest when it is stored."""
    chance = random.Random(number)
    for turn in itertools.count():
        data = f"{number} {turn % 7 if chance.random() < 0.3 else turn} ".encode() * chance.choice((1, 300, 40_000))
        opened = await content.start_upload(image, actor, DigestAlgorithm.SHA256)
        half = len(data) // 2
        await content.append(image, opened.id, actor, Chunk(body(data[:half])))
        blob = await content.finish_upload(image, opened.id, actor, Digest.of(data), Chunk(body(data[half:])))
        tell(blob.digest)


async def child(what: str, dsn: str, folder: str, image: str, principal: str, number: int) -> None:
    """One storage process, from its start to its end."""
    settings = StorageSettings(database_url=SecretStr(dsn), data_folder=Path(folder), max_open_uploads=1_000_000)
    async with connect_storage(settings) as storage, asyncio.TaskGroup() as group:
        if what == "close":
            await close(storage.content, UUID(image), Actor(principal, 1), number)
            os._exit(0)
        for lane in range(LANES):
            group.create_task(push(storage.content, UUID(image), Actor(principal, 1), number * LANES + lane))


def main() -> None:
    """Forks until there are no more lines."""
    while line := read_line():
        pid = os.fork()
        if not pid:
            asyncio.run(child(*json.loads(line)))
            os._exit(1)
        tell(pid)
        tell(f"ended {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}")


if __name__ == "__main__":
    main()
