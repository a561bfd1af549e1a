"""Part lists in memory and in PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from contracts.part_list import PartListContract
from moorage.runtime.clock import SystemClock
from moorage.runtime.postgres import Database
from moorage.storage.app import SCHEMA
from moorage.storage.memory.part_list import MemoryPartList
from moorage.storage.postgres.part_list import PostgresPartList


class TestPartListInMemory(PartListContract):
    """See the contract."""

    @pytest.fixture
    def part_list(self) -> MemoryPartList:
        """An empty one."""
        return MemoryPartList(SystemClock())


class TestPartListInPostgres(PartListContract):
    """See the contract."""

    @pytest.fixture
    async def part_list(self, storage_dsn: str) -> AsyncIterator[PostgresPartList]:
        """An empty one."""
        async with await Database.open(storage_dsn, SCHEMA) as database:
            yield PostgresPartList(database)
