"""Storage over memory parts does what content does."""

import pytest

from contracts.content import ContentContract
from contracts.metadata import MetadataContract, Stores
from contracts.storage_parts import MemoryStorage, memory_stores
from contracts.verification_store import VerificationStoreContract
from moorage.distribution.content import Content


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
