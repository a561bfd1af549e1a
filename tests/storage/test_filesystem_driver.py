"""The filesystem driver, and what only it can meet: full disks, odd files, other processes."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.blob_driver import LARGE, BlobDriverContract, append, ignore, store
from contracts.storage_faults import files_below, files_of_at_most
from moorage.oci.errors import StorageFull, Unavailable, UploadBusy
from moorage.storage.drivers.filesystem import FilesystemDriver


class TestFilesystemDriver(BlobDriverContract):
    """See the contract."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """The folder of the driver."""
        return tmp_path / "blobs"

    @pytest.fixture
    def driver(self, root: Path) -> FilesystemDriver:
        """An empty one."""
        return FilesystemDriver.open(root)

    async def test_a_folder_is_opened_again(self, root: Path, driver: FilesystemDriver) -> None:
        """With everything that lies in it, by as many as like."""
        key = await store(driver, b"still here")
        assert await FilesystemDriver.open(root).size(key) == 10

    async def test_an_upload_is_held_against_other_openers(self, root: Path, driver: FilesystemDriver) -> None:
        """The lock is on the file, not in the driver: it counts between processes."""
        key = uuid4()
        await driver.create(key)
        async with driver.hold(key):
            with pytest.raises(UploadBusy):
                async with FilesystemDriver.open(root).hold(key):
                    pass

    @pytest.mark.parametrize("block", [b"x" * 2000, LARGE])
    async def test_a_full_disk_takes_nothing_of_a_block(self, driver: FilesystemDriver, block: bytes) -> None:
        """The offset is what it was, the space is returned, and the upload goes on when there is room (R86)."""
        key, tapped = uuid4(), bytearray()
        await driver.create(key)
        await append(driver, key, b"before ")
        async with driver.hold(key) as held:
            with files_of_at_most(1000), pytest.raises(StorageFull):
                await held.append([block], tapped.extend)
            assert held.size == await driver.received(key) == 7
            assert not tapped
            await held.append([b"after"], tapped.extend)
        assert await driver.received(key) == 12

    async def test_a_broken_folder_is_unavailable(self, root: Path, driver: FilesystemDriver) -> None:
        """Never a wrong answer about what is stored."""
        key = uuid4()
        await driver.create(key)
        shard = root / "objects" / key.hex[:2]
        shard.rmdir()
        shard.write_bytes(b"no folder")
        async with driver.hold(key) as held:
            with pytest.raises(Unavailable):
                await held.commit()
        with pytest.raises(Unavailable):
            await driver.size(key)

    async def test_deleted_bytes_leave_no_file(self, root: Path, driver: FilesystemDriver) -> None:
        """Provisional or committed."""
        provisional, committed = uuid4(), await store(driver, b"object")
        await driver.create(provisional)
        assert len(files_below(root)) == 2
        await driver.delete(provisional)
        await driver.delete(committed)
        assert files_below(root) == []

    async def test_strange_files_are_no_leftovers(self, root: Path, driver: FilesystemDriver) -> None:
        """What is not ours is left alone."""
        (root / "uploads" / "README").write_text("not an upload")
        (root / "uploads" / "lost+found").mkdir()
        future = datetime.now(UTC) + timedelta(days=1)
        assert [key async for key in driver.leftovers(future)] == []

    async def test_a_cancelled_append_is_whole(self, driver: FilesystemDriver) -> None:
        """The write ends before the cancellation does, so that the bytes and the count agree."""
        key = uuid4()
        await driver.create(key)
        async with driver.hold(key) as held:
            writing = asyncio.create_task(held.append([LARGE] * 8, ignore))
            await asyncio.sleep(0)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            assert held.size in (0, 8 * len(LARGE))
            assert await driver.received(key) == held.size
