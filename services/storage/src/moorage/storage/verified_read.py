"""Streams that never end as if whole when they are not (R92)."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from moorage.distribution.content import DamagedContent
from moorage.oci.digest import Digest
from moorage.storage.ports import Tap
from moorage.storage.running_hash import RunningHash


async def verified(read: Callable[[Tap], AsyncGenerator[bytes, None]], digest: Digest) -> AsyncGenerator[bytes, None]:
    """The blocks of a whole read, the last one only after all were found to have the digest. Raises DamagedContent."""
    running = RunningHash(digest.algorithm)
    withheld = b""
    async with aclosing(read(running.update)) as blocks:
        async for block in blocks:
            if withheld:
                yield withheld
            withheld = block
    if running.digest() != digest:
        raise DamagedContent(f"stored bytes of {digest} are damaged")
    if withheld:
        yield withheld


async def complete(blocks: AsyncGenerator[bytes, None], length: int) -> AsyncGenerator[bytes, None]:
    """The blocks of a partial read. Raises DamagedContent if they end before `length` bytes."""
    rest = length
    async with aclosing(blocks):
        async for block in blocks:
            rest -= len(block)
            yield block
    if rest:
        raise DamagedContent("stored bytes end too early")
