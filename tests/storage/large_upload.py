"""A storage process that takes one large blob, and says on its standard output by how many bytes its memory grew.

Run by test_s3_memory as `large_upload.py <mebibytes>`, with its settings in the environment.
"""

import asyncio
import hashlib
import resource
import sys
from collections.abc import AsyncIterator
from uuid import uuid4

from moorage.distribution.content import Actor, Chunk, Content
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.storage.app import connect_storage
from moorage.storage.settings import StorageSettings

PIECE = bytes(range(256)) * 256


async def body(mebibytes: int) -> AsyncIterator[bytes]:
    """So many of them, as they come from a socket."""
    for _ in range(mebibytes * 16):
        yield bytes(PIECE)


async def pushed(content: Content, mebibytes: int) -> None:
    """Pushes a blob and reads it back."""
    image, actor, hashed = uuid4(), Actor(f"user:{uuid4()}", 1), hashlib.sha256()
    for _ in range(mebibytes * 16):
        hashed.update(PIECE)
    digest = Digest(DigestAlgorithm.SHA256, hashed.hexdigest())
    opened = await content.start_upload(image, actor, DigestAlgorithm.SHA256)
    await content.finish_upload(image, opened.id, actor, digest, Chunk(body(mebibytes)))
    size = 0
    async for block in content.read_blob(image, digest):
        size += len(block)
    assert size == mebibytes * 2**20


async def main(mebibytes: int) -> None:
    """Once less, so that everything is imported and two parts were there at once, then more."""
    async with connect_storage(StorageSettings()) as storage:
        await pushed(storage.content, 40)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await pushed(storage.content, mebibytes)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    sys.stdout.write(f"{grown * 1024}\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
