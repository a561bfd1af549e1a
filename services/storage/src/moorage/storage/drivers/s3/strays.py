"""What a crash left in the bucket that no part list knows: a multipart upload nobody noted, a tail nobody needs."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from moorage.storage.drivers.s3.bucket import Bucket
from moorage.storage.part_list import PartList

GRACE: Final = timedelta(days=1)
"""Longer than any request between the store's doing and our noting of it takes."""

_log: Final = structlog.stdlib.get_logger(__name__)


class Strays:
    """Frees them when they are a day old. Objects are never among them."""

    def __init__(self, bucket: Bucket, part_list: PartList) -> None:
        self._bucket = bucket
        self._list = part_list

    async def free(self, now: datetime) -> None:
        """Lists what is provisional in the bucket, which is as much as there are open uploads."""
        await self._free_uploads(now - GRACE)
        await self._free_tails(now - GRACE)

    async def _free_uploads(self, before: datetime) -> None:
        found = {upload: name async for name, upload in self._bucket.multiparts(before)}
        for upload in await self._list.unknown_uploads(list(found)):
            _log.warning("A multipart upload that nobody knows is aborted", name=found[upload])
            await self._bucket.abort(found[upload], upload)

    async def _free_tails(self, before: datetime) -> None:
        found: dict[UUID, list[str]] = {}
        async for key, name in self._bucket.old_tails(before):
            found.setdefault(key, []).append(name)
        for key in await self._list.unknown_keys(list(found)):
            for name in found[key]:
                await self._bucket.delete(name)
