"""The memory driver is a real driver."""

import pytest

from contracts.blob_driver import BlobDriverContract
from moorage.runtime.clock import SystemClock
from moorage.storage.drivers.memory import MemoryDriver


class TestMemoryDriver(BlobDriverContract):
    """See the contract."""

    @pytest.fixture
    def driver(self) -> MemoryDriver:
        """An empty one."""
        return MemoryDriver(SystemClock())
