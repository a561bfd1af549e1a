"""The S3 driver on a real store, with its part list in memory and in PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from contracts.blob_driver import BlobDriverContract
from moorage.runtime.clock import SystemClock
from moorage.storage.drivers.s3.driver import S3Driver
from moorage.storage.drivers.s3.opening import opened
from moorage.storage.memory.part_list import MemoryPartList
from servers.seaweed import SeaweedStore

LARGEST = 50 * 2**30


class TestS3Driver(BlobDriverContract):
    """See the contract."""

    @pytest.fixture
    async def driver(self, seaweed: SeaweedStore) -> AsyncIterator[S3Driver]:
        """One over an empty place."""
        async with opened(seaweed.place(), MemoryPartList(SystemClock()), LARGEST) as driver:
            yield driver
