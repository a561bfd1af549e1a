"""Reads all that is stored and compares it with what it must be: finds damage, marks it, heals nothing by itself.

A digest is the truth about bytes, never the other way round: what does not fit is reported and hidden until it is
pushed again (R92, R93), or fits when it is read the next time, because it was restored.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from moorage.oci.digest import Digest
from moorage.runtime.clock import Clock
from moorage.storage.damage import Damage, Extent, KnownDamage, ListedBlob, Progress, Verified
from moorage.storage.pace import Pace, Sleep
from moorage.storage.ports import BlobDriver, ObjectMissing, ObjectUnreadable
from moorage.storage.running_hash import RunningHash
from moorage.storage.verification_store import VerificationStore

_KEPT_EVERY_BYTES: Final = 256 * 2**20
_LOOKS: Final = 2
_log: Final = structlog.stdlib.get_logger(__name__)

Watch = Callable[[Progress, int, Extent], object]
"""Is told how far a run has come, how many bytes of the next object it has read, and how much there is in all."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A blob to look at, who is told how much of it was read, and how quickly it may be."""

    blob: ListedBlob
    watch: Callable[[int], object]
    pace: Pace


class Verification:
    """Any number of runs may go on at once, beside everything else, and be killed at any point."""

    def __init__(
        self,
        driver: BlobDriver,
        store: VerificationStore,
        clock: Clock,
        page: int = 200,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`page`: so many objects at a time are listed, and looked at before progress is noted."""
        self._driver = driver
        self._store = store
        self._clock = clock
        self._page = page
        self._sleep = sleep

    async def run(
        self, name: str, watch: Watch, *, restart: bool = False, bytes_per_second: int | None = None
    ) -> Verified:
        """Brings the pass of this name to its end, from where it stands unless it is to `restart`.

        Raises Unavailable when database or backend can't be asked; what was looked at until then is kept.
        """
        if restart:
            await self._store.end(name)
        begun = await self._store.begin(name, self._clock.now())
        done = await self._pass(name, begun, watch, Pace(self._clock, bytes_per_second, self._sleep))
        await self._store.end(name, begun.began_at)
        return Verified(done.objects, done.bytes, begun.objects)

    async def look_again(self, digest: Digest) -> Damage | None:
        """Looks at one blob, of which a reader says that it is damaged, and marks it if so."""
        blob = await self._store.find(digest)
        return None if blob is None else await self._examine(_Look(blob, _unwatched, Pace(self._clock)))

    async def damaged(self) -> AsyncGenerator[KnownDamage, None]:
        """Every blob that is marked now, whoever found it."""
        after = ""
        while page := await self._store.damaged(after, self._page):
            for each in page:
                yield each
            after = str(page[-1].digest)

    async def unowned(self) -> AsyncGenerator[UUID, None]:
        """Keys of objects that nothing refers to. They take space and do no harm; nothing is done about them."""
        async for keys in _paged(self._driver.objects(), self._page):
            for key in sorted(await self._store.unowned(keys)):
                if await self._driver.size(key) is not None:
                    yield key

    async def _pass(self, name: str, begun: Progress, watch: Watch, pace: Pace) -> Progress:
        extent, done, kept = await self._store.extent(), begun, begun
        while page := await self._store.page(done.after, self._page):
            for blob in page:
                await self._examine(_Look(blob, _watching(watch, done, extent), pace))
                done = done.past(blob)
                watch(done, 0, extent)
                if done.bytes - kept.bytes >= _KEPT_EVERY_BYTES:
                    await self._store.advance(name, kept := done)
            await self._store.advance(name, kept := done)
        return done

    async def _examine(self, look: "_Look") -> Damage | None:
        """What is wrong with the blob's object, marked if it still is the blob's object by now."""
        blob, damage = look.blob, await self._found(look)
        if damage is blob.damage or not await self._store.judge(blob, damage, self._clock.now()):
            return damage
        if damage is None:
            _log.info("A stored object that was damaged is whole again", digest=str(blob.digest))
        else:
            _log.error(
                "A stored object is damaged; pushing it again repairs it",
                digest=str(blob.digest),
                key=str(blob.key),
                damage=damage.value,
            )
        return damage

    async def _found(self, look: "_Look") -> Damage | None:
        """A bad read is repeated: it may have been the reader's or the network's fault."""
        blob, damage = look.blob, None
        for _ in range(_LOOKS):
            size = await self._driver.size(blob.key)
            if size != blob.size:
                return Damage.MISSING if size is None else Damage.RESIZED
            damage = await self._read(look)
            if damage is None:
                break
        return damage

    async def _read(self, look: "_Look") -> Damage | None:
        blob, running = look.blob, RunningHash(look.blob.digest.algorithm)
        try:
            async with aclosing(self._driver.read(blob.key, tap=running.update)) as blocks:
                async for block in blocks:
                    look.watch(running.offset)
                    await look.pace.spend(len(block))
        except ObjectMissing:
            return Damage.MISSING
        except ObjectUnreadable:
            return Damage.UNREADABLE
        return None if running.digest() == blob.digest else Damage.ALTERED


async def _paged(keys: AsyncGenerator[UUID, None], size: int) -> AsyncGenerator[list[UUID], None]:
    page: list[UUID] = []
    async for key in keys:
        page.append(key)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page


def _watching(watch: Watch, done: Progress, extent: Extent) -> Callable[[int], object]:
    return lambda read: watch(done, read, extent)


def _unwatched(_: int) -> None:
    """Nobody looks on."""
