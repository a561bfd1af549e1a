"""Upload sessions end when they are left, and their bytes with them (R143)."""

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from contracts.samples import chunk, push_blob, read_all, some_actor
from contracts.storage_parts import MemoryStorage
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import UploadUnknown
from moorage.storage.drivers.memory import MemoryDriver
from moorage.storage.expiry import Expiry
from moorage.storage.upload_session import Lifetime

IMAGE, ACTOR = uuid4(), some_actor()
HOUR = timedelta(hours=1)


@pytest.fixture
def storage() -> MemoryStorage:
    """An empty one."""
    return MemoryStorage()


async def started(storage: MemoryStorage, data: bytes = b"begun") -> UUID:
    """An upload with some bytes."""
    session = await storage.content.start_upload(IMAGE, ACTOR, DigestAlgorithm.SHA256)
    await storage.content.append(IMAGE, session.id, ACTOR, chunk(data))
    return session.id


async def later(storage: MemoryStorage, by: timedelta) -> None:
    """Time passes, and expiry runs."""
    storage.clock.advance(by)
    await storage.expiry.run()


async def test_an_idle_upload_ends(storage: MemoryStorage) -> None:
    """After a day, not before."""
    session = await started(storage)
    await later(storage, 23 * HOUR)
    assert await storage.driver.received(session) == 5
    await later(storage, HOUR)
    assert await storage.driver.received(session) is None
    with pytest.raises(UploadUnknown):
        await storage.content.upload(IMAGE, session, ACTOR)


async def test_an_upload_in_use_goes_on(storage: MemoryStorage) -> None:
    """Each request counts, up to a week in all."""
    session = await started(storage)
    for _ in range(8):
        await later(storage, 20 * HOUR)
        await storage.content.append(IMAGE, session, ACTOR, chunk(b"."))
    await later(storage, 7 * HOUR)
    assert await storage.driver.received(session) == 13
    await later(storage, HOUR)
    assert await storage.driver.received(session) is None


async def test_an_upload_that_is_being_written_is_left(storage: MemoryStorage) -> None:
    """However long a chunk takes."""
    session = await started(storage)
    async with storage.driver.hold(session):
        await later(storage, 30 * HOUR)
    assert await storage.driver.received(session) == 5
    await later(storage, HOUR)
    assert await storage.driver.received(session) is None


async def test_blobs_do_not_expire(storage: MemoryStorage) -> None:
    """Only what was never finished does."""
    digest = await push_blob(storage.content, IMAGE, b"finished", ACTOR)
    await later(storage, 24 * 365 * HOUR)
    assert await read_all(storage.content.read_blob(IMAGE, digest)) == b"finished"
    assert digest == Digest.of(b"finished")


async def test_bytes_that_nobody_owns_are_freed(storage: MemoryStorage) -> None:
    """A process died before it recorded the session; the young are left, it may just be recording them."""
    orphan = uuid4()
    await storage.driver.create(orphan)
    await later(storage, timedelta(minutes=59))
    assert await storage.driver.received(orphan) == 0
    session = await started(storage)
    await later(storage, timedelta(minutes=2))
    assert await storage.driver.received(orphan) is None
    assert await storage.driver.received(session) == 5


class SlowList(MemoryDriver):
    """What it lists as left has become an object when it is looked at."""

    async def leftovers(self, before: datetime) -> AsyncGenerator[UUID, None]:
        """See BlobDriver."""
        async for key in super().leftovers(before):
            async with self.hold(key) as held:
                await held.commit()
            yield key


async def test_an_upload_that_is_closed_while_expiry_looks_is_no_leftover(storage: MemoryStorage) -> None:
    """Its session has ended, and its bytes are a blob's."""
    driver, key = SlowList(storage.clock), uuid4()
    await driver.create(key)
    storage.clock.advance(2 * HOUR)
    await Expiry(driver, storage.stores.sessions, storage.clock, Lifetime()).run()
    assert await driver.size(key) == 0
