"""Ends upload sessions that were left, and frees bytes that nothing owns any more (R143)."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from moorage.oci.errors import StorageFull, Unavailable, UploadBusy
from moorage.runtime.clock import Clock
from moorage.storage.ports import BlobDriver, ObjectMissing, SessionStore
from moorage.storage.upload_session import Lifetime

_BATCH: Final = 500
_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Expired:
    """What went: upload sessions that ended, things under a key that were freed, and how many bytes those had."""

    sessions: int = 0
    objects: int = 0
    bytes: int = 0


class Expiry:
    """One pass frees all that is due. Any number of processes may run it, at any time, killed at any point."""

    def __init__(
        self,
        driver: BlobDriver,
        sessions: SessionStore,
        clock: Clock,
        lifetime: Lifetime,
        leftover_grace: timedelta = timedelta(hours=1),
    ) -> None:
        self._driver = driver
        self._sessions = sessions
        self._clock = clock
        self._lifetime = lifetime
        self._leftover_grace = leftover_grace

    async def run(self) -> Expired:
        """Sessions first: their bytes become discarded ones, which are freed next, by this run or another."""
        ended = await self._end_sessions()
        freed = [*await self._free_discarded(), *await self._free_leftovers()]
        expired = Expired(ended, len(freed), sum(freed))
        if expired != Expired():
            _log.info("Upload sessions expired and unowned bytes were freed", **asdict(expired))
        return expired

    async def _end_sessions(self) -> int:
        now = self._clock.now()
        idle_since, started_before = now - self._lifetime.idle, now - self._lifetime.absolute
        due = await self._sessions.ended_by(idle_since, started_before, _BATCH)
        return sum([await self._end(session) for session in due])

    async def _end(self, session: UUID) -> bool:
        try:
            async with self._driver.hold(session):
                return await self._sessions.end(session)
        except UploadBusy:
            return False
        except (ObjectMissing, StorageFull, Unavailable):
            return await self._sessions.end(session)

    async def _free_discarded(self) -> list[int]:
        freed = list[int]()
        while keys := await self._sessions.discarded(_BATCH):
            sizes = {key: await self._tried(key, self._free) for key in keys}
            done = {key: size for key, size in sizes.items() if size is not None}
            freed += done.values()
            await self._sessions.forget_discarded(list(done))
            if not done:
                break  # the next run tries them again
        return freed

    async def _tried(self, key: UUID, free: Callable[[UUID], Awaitable[int]]) -> int | None:
        """How many bytes there were; None if this key can't be freed, which keeps nothing else from being."""
        try:
            return await free(key)
        except (StorageFull, Unavailable):
            _log.warning("Unowned bytes could not be freed yet", key=str(key))
            return None

    async def _free_leftovers(self) -> list[int]:
        freed, batch = list[int](), list[UUID]()
        async for key in self._driver.leftovers(self._clock.now() - self._leftover_grace):
            batch.append(key)
            if len(batch) == _BATCH:
                freed += await self._free_unowned(batch)
                batch = []
        return freed + await self._free_unowned(batch)

    async def _free_unowned(self, keys: list[UUID]) -> list[int]:
        owned = await self._sessions.still_open(keys) if keys else set()
        sizes = [await self._tried(key, self._free_unsealed) for key in keys if key not in owned]
        return [size for size in sizes if size is not None]

    async def _free_unsealed(self, key: UUID) -> int:
        """Held, so that it is no upload which became a blob since its key was listed."""
        try:
            async with self._driver.hold(key) as held:
                return 0 if held.is_sealed else await self._free(key)
        except UploadBusy:
            return 0
        except ObjectMissing:
            return await self._free(key)

    async def _free(self, key: UUID) -> int:
        """How many bytes there were."""
        size = await self._driver.received(key)
        await self._driver.delete(key)
        return size or 0
