"""Fixtures of the tests in which something fails, or is late."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from faults.fleet import Fleet, open_fleet
from faults.permissions_process import PermissionsProcess
from moorage.storage.settings import StorageSettings


@pytest.fixture
async def permissions(fresh_dsn: str, tmp_path: Path) -> AsyncIterator[PermissionsProcess]:
    """A service fed by hand, over HTTP."""
    process = PermissionsProcess(tmp_path / "permissions", fresh_dsn)
    await process.start()
    yield process
    await process.kill()


@pytest.fixture
async def fleet(permissions: PermissionsProcess, tmp_path: Path) -> AsyncIterator[Fleet]:
    """Three gateways behind it."""
    async with open_fleet(permissions, tmp_path) as fleet:
        yield fleet


@pytest.fixture
def storage_settings(fresh_dsn: str, tmp_path: Path) -> StorageSettings:
    """Of a storage that holds nothing; whoever connects first makes its schema."""
    return StorageSettings(database_url=SecretStr(fresh_dsn), data_folder=tmp_path / "blobs")
