"""Drops what deleted images held, once they can't be restored any more (authorization.md §1.9).

The gateway does it because it knows both sides: permissions decides that an image never comes back, storage drops, and
permissions is told. Each step may be done twice, by any number of gateways; what fails is tried again.
"""

import random
from collections.abc import Callable
from uuid import UUID

import structlog

from moorage.access.deletion_wire import PurgeableRequest, PurgedRequest
from moorage.distribution.content import Content
from moorage.gateway.ports import Authority


class Purging:
    """`run` is for who repeats it. Its order is random: gateways begin apart, and no image keeps others waiting."""

    def __init__(
        self, authority: Authority, content: Content, shuffle: Callable[[list[UUID]], None] = random.shuffle
    ) -> None:
        self._authority = authority
        self._content = content
        self._shuffle = shuffle
        self._log = structlog.get_logger()

    async def run(self) -> int:
        """Drops until nothing is left to drop; for how many images. Raises ServiceUnavailable, RegistryError."""
        purged = 0
        while images := (await self._authority.purgeable(PurgeableRequest())).images:
            self._shuffle(images)
            for image in images:
                await self._purge(image)
            purged += len(images)
        return purged

    async def _purge(self, image: UUID) -> None:
        await self._content.delete_image(image)
        await self._authority.purged(PurgedRequest(images=[image]))
        self._log.info("Dropped what a deleted image held.", image=str(image))
