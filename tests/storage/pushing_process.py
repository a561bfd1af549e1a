"""A storage process that pushes until it is killed, and says on its standard output what was acknowledged.

Run by test_process_death as `pushing_process.py append|push <dsn> <folder> <image> <principal> <session>`.
"""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from moorage.distribution.content import Actor, Chunk, Content
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.storage.app import open_storage
from moorage.storage.settings import StorageSettings


async def body(*pieces: bytes) -> AsyncIterator[bytes]:
    """A request's body."""
    for piece in pieces:
        yield piece


def tell(what: object) -> None:
    """What is told was acknowledged before."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def append(content: Content, image: UUID, actor: Actor, session: UUID) -> None:
    """Appends chunk after chunk, small and large, and tells each offset."""
    for number in itertools.count():
        pieces = [bytes([number % 256]) * 50_000] * (1 + number % 40)
        tell((await content.append(image, session, actor, Chunk(body(*pieces)))).offset)


async def push(content: Content, image: UUID, actor: Actor, lane: int) -> None:
    """Pushes blob after blob, and tells each digest."""
    for number in itertools.count():
        data = f"blob {lane} {number} ".encode() * 1000
        opened = await content.start_upload(image, actor, DigestAlgorithm.SHA256)
        blob = await content.finish_upload(image, opened.id, actor, Digest.of(data), Chunk(body(data)))
        tell(blob.digest)


async def main(what: str, dsn: str, folder: str, image: str, principal: str, session: str) -> None:
    """Works until it is killed."""
    settings = StorageSettings(database_url=SecretStr(dsn), data_folder=Path(folder))
    actor = Actor(principal, 1)
    async with open_storage(settings) as storage, asyncio.TaskGroup() as group:
        if what == "append":
            group.create_task(append(storage.content, UUID(image), actor, UUID(session)))
        else:
            for lane in range(4):
                group.create_task(push(storage.content, UUID(image), actor, lane))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
