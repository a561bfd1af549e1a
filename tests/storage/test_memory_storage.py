"""Storage over memory parts does what content does."""

from datetime import timedelta

import pytest

from contracts.content import ContentContract
from contracts.metadata import MetadataContract, Stores
from contracts.metadata_collection import CollectionContract, Wait
from contracts.metadata_undo import UndoContract
from contracts.storage_parts import MemoryStorage, memory_stores
from contracts.verification_store import VerificationStoreContract
from moorage.distribution.content import Content
from moorage.runtime.clock import FixedClock


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
