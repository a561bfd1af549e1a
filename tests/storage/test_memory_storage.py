"""Storage over memory parts does what content does."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from contracts.content import ContentContract
from contracts.hold_feed import HoldFeedContract
from contracts.metadata import MetadataContract, Stores
from contracts.metadata_collection import CollectionContract, Wait
from contracts.metadata_undo import UndoContract
from contracts.storage_parts import MemoryStorage, memory_stores, remembering, stores_over, wired
from contracts.verification_store import VerificationStoreContract
from moorage.distribution.content import Content
from moorage.runtime.clock import FixedClock
from moorage.storage.drivers.memory import MemoryDriver
from moorage.storage.hold_feed import HoldFeed
from moorage.storage.memory.hold_feed import MemoryHoldFeed
from moorage.storage.memory.tables import MemoryTables


class TestContentInMemory(ContentContract):
    """See the contract."""

    @pytest.fixture
    def content(self) -> Content:
        """An empty one."""
        return MemoryStorage().content


class TestMetadataInMemory(MetadataContract, VerificationStoreContract):
    """See the contract."""

    @pytest.fixture
    def stores(self) -> Stores:
        """Empty ones."""
        return memory_stores()


class TestUndoInMemory(UndoContract):
    """See the contract."""

    @pytest.fixture
    def stores(self) -> Stores:
        """Empty ones."""
        return memory_stores()


class TestHoldsInMemory(HoldFeedContract):
    """See the contract."""

    @pytest.fixture
    def tables(self) -> MemoryTables:
        """Empty ones."""
        return MemoryTables()

    @pytest.fixture
    def stores(self, tables: MemoryTables) -> Stores:
        """Empty ones."""
        return stores_over(tables)

    @pytest.fixture
    def feed(self, tables: MemoryTables) -> HoldFeed:
        """The one of this process."""
        return MemoryHoldFeed(tables)


class _Remembering:
    """Stores with a memory, over tables of their own."""

    @pytest.fixture
    async def stores(self) -> AsyncIterator[Stores]:
        """Empty ones."""
        tables = MemoryTables()
        async with remembering(stores_over(tables), MemoryHoldFeed(tables)) as stores:
            yield stores


class TestMetadataRemembered(_Remembering, MetadataContract, VerificationStoreContract):
    """See the contract."""


class TestUndoRemembered(_Remembering, UndoContract):
    """See the contract."""


class TestContentRemembered(_Remembering, ContentContract):
    """See the contract."""

    @pytest.fixture
    def content(self, stores: Stores) -> Content:
        """An empty one."""
        clock = FixedClock()
        return wired(MemoryDriver(clock), stores, clock)


class TestCollectionInMemory(CollectionContract):
    """See the contract."""

    @pytest.fixture
    def clock(self) -> FixedClock:
        """What dates everything."""
        return FixedClock()

    @pytest.fixture
    def stores(self, clock: FixedClock) -> Stores:
        """Empty ones."""
        return memory_stores(clock)

    @pytest.fixture
    def wait(self, clock: FixedClock) -> Wait:
        """Sets the clock on."""

        async def wait(by: timedelta) -> None:
            clock.advance(by)

        return wait
