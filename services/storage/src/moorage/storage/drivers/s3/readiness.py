"""Whether the bucket can be used, for who asks often: an answer is kept for seconds, and asked for once at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from moorage.oci.errors import Unavailable
from moorage.runtime.clock import Clock
from moorage.storage.ports import ObjectMissing

KEPT_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 1.5
"""Less than a check of readiness may take, so that a store that is silent is remembered too."""


class BucketReadiness:
    """A check of readiness. `look` asks the store, see S3Driver."""

    def __init__(
        self, look: Callable[[], Awaitable[None]], clock: Clock, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._look = look
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._asking = asyncio.Lock()
        self._answer: str | None = None
        self._until = float("-inf")

    async def missing(self) -> str | None:
        """What stands in the way; None if nothing does."""
        async with self._asking:
            if self._clock.monotonic() >= self._until:
                self._answer = await self._asked()
                self._until = self._clock.monotonic() + KEPT_SECONDS
            return self._answer

    async def _asked(self) -> str | None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._look()
        except ObjectMissing:
            return "the bucket does not exist"
        except Unavailable:
            return "the bucket can't be used"
        except TimeoutError:
            return "S3 does not answer"
        return None
