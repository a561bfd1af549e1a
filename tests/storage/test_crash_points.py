"""A failure between any two steps of a close leaves a state that the next request, or expiry, puts in order (R87)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from contracts.metadata import Stores
from contracts.samples import chunk, push_blob, read_all, some_actor, stream
from contracts.storage_faults import files_below
from contracts.storage_parts import wired
from moorage.distribution.content import Chunk
from moorage.oci.byte_range import ByteRange
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import BlobUnknown, ChunkOutOfOrder, DigestInvalid, Unavailable, UploadInvalid, UploadUnknown
from moorage.runtime.clock import FixedClock
from moorage.storage.content import StoredContent
from moorage.storage.drivers.filesystem import FilesystemDriver
from moorage.storage.expiry import Expiry
from moorage.storage.memory.blobs import MemoryBlobStore
from moorage.storage.memory.collection import MemoryCollectionStore
from moorage.storage.memory.manifests import MemoryManifestStore
from moorage.storage.memory.sessions import MemorySessionStore
from moorage.storage.memory.tables import MemoryTables
from moorage.storage.memory.tags import MemoryTagStore
from moorage.storage.memory.verification import MemoryVerificationStore
from moorage.storage.ports import Completion, HeldUpload, StoredObject
from moorage.storage.upload_session import Lifetime

IMAGE, ACTOR, DATA = uuid4(), some_actor(), b"closed in a bad moment"
DIGEST = Digest.of(DATA)


class LosingSessions(MemorySessionStore):
    """The database is lost when a session is to become a blob: before it did, or after, when nobody hears of it."""

    def __init__(self, tables: MemoryTables) -> None:
        super().__init__(tables)
        self.is_lost_before = self.is_lost_after = False

    async def complete(self, completion: Completion) -> list[UUID] | None:
        """See SessionStore."""
        self._lose(self.is_lost_before)
        answer = await super().complete(completion)
        self._lose(self.is_lost_after)
        return answer

    async def complete_new(self, session: UUID, digest: Digest, size: int) -> bool:
        """See SessionStore."""
        self._lose(self.is_lost_before)
        answer = await super().complete_new(session, digest, size)
        self._lose(self.is_lost_after and answer)
        return answer

    async def complete_with(self, session: UUID, digest: Digest, stored: StoredObject) -> bool:
        """See SessionStore."""
        self._lose(self.is_lost_before)
        answer = await super().complete_with(session, digest, stored)
        self._lose(self.is_lost_after)
        return answer

    def _lose(self, is_lost: bool) -> None:
        if is_lost:
            raise Unavailable("the database is lost")


class FailingDisk(FilesystemDriver):
    """A disk whose fsync fails once, and claims success from then on: what was lost stays lost."""

    has_failed = False

    @asynccontextmanager
    async def hold(self, key: UUID) -> AsyncIterator[HeldUpload]:
        """See BlobDriver."""
        async with super().hold(key) as held:
            yield held if self.has_failed else FailingCommit(self, held)


class FailingCommit:
    """See HeldUpload."""

    def __init__(self, disk: FailingDisk, delegate: HeldUpload) -> None:
        self._disk, self._delegate = disk, delegate
        self.append, self.truncate, self.replay = delegate.append, delegate.truncate, delegate.replay
        self.flush = delegate.flush
        self.is_sealed, self.can_commit_again = delegate.is_sealed, delegate.can_commit_again

    @property
    def size(self) -> int:
        """See HeldUpload."""
        return self._delegate.size

    async def commit(self) -> None:
        """See HeldUpload."""
        self._disk.has_failed = True
        raise Unavailable("the disk could not keep the bytes")


class Site:
    """What outlives a storage process: its folder and its database."""

    def __init__(self, root: Path) -> None:
        self.root, self.clock = root, FixedClock()
        tables = MemoryTables()
        self.sessions = LosingSessions(tables)
        blobs, manifests, tags = MemoryBlobStore(tables), MemoryManifestStore(tables), MemoryTagStore(tables)
        kept = MemoryVerificationStore(tables), MemoryCollectionStore(tables)
        self.stores = Stores(blobs, self.sessions, manifests, tags, *kept)
        self.driver = FilesystemDriver.open(root)

    def process(self) -> StoredContent:
        """A new process of this site; what the one before had in memory is gone."""
        return wired(self.driver, self.stores, self.clock)

    async def expire(self, after: timedelta) -> None:
        """Expiry runs, that much later."""
        self.clock.advance(after)
        await Expiry(self.driver, self.sessions, self.clock, Lifetime()).run()

    @property
    def files(self) -> int:
        """How many files there are."""
        return len(files_below(self.root))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site that holds nothing."""
    return Site(tmp_path)


async def started(site: Site, data: bytes = DATA) -> UUID:
    """An upload that has all its bytes."""
    content = site.process()
    session = await content.start_upload(IMAGE, ACTOR, DigestAlgorithm.SHA256)
    await content.append(IMAGE, session.id, ACTOR, chunk(data))
    return session.id


async def lost_before(site: Site) -> UUID:
    """An upload whose bytes were committed, and the database lost before it knew."""
    session = await started(site)
    site.sessions.is_lost_before = True
    with pytest.raises(Unavailable):
        await site.process().finish_upload(IMAGE, session, ACTOR, DIGEST)
    site.sessions.is_lost_before = False
    return session


async def test_a_close_that_the_database_missed_is_repeated(site: Site) -> None:
    """The bytes are there, the session tells so, and nothing is readable until the close is repeated."""
    session = await lost_before(site)
    with pytest.raises(BlobUnknown):
        await site.process().stat_blob(IMAGE, DIGEST)
    assert (await site.process().upload(IMAGE, session, ACTOR)).offset == len(DATA)
    await site.process().finish_upload(IMAGE, session, ACTOR, DIGEST, chunk())
    assert await read_all(site.process().read_blob(IMAGE, DIGEST)) == DATA
    assert site.files == 1


async def test_committed_bytes_take_no_more(site: Site) -> None:
    """A client that sends the last chunk again learns where the upload stands, and can go on from there."""
    session = await lost_before(site)
    with pytest.raises(ChunkOutOfOrder):
        await site.process().append(IMAGE, session, ACTOR, Chunk(stream(DATA), ByteRange(0, len(DATA))))
    with pytest.raises(UploadInvalid):
        await site.process().append(IMAGE, session, ACTOR, chunk(b"more"))
    await site.process().finish_upload(IMAGE, session, ACTOR, DIGEST)
    assert (await site.process().stat_blob(IMAGE, DIGEST)).size == len(DATA)


async def test_another_digest_ends_committed_bytes_too(site: Site) -> None:
    """Nothing of them is left."""
    session = await lost_before(site)
    with pytest.raises(DigestInvalid):
        await site.process().finish_upload(IMAGE, session, ACTOR, Digest.of(b"another"))
    assert site.files == 0


async def test_committed_bytes_can_be_cancelled(site: Site) -> None:
    """And leave nothing."""
    session = await lost_before(site)
    await site.process().cancel_upload(IMAGE, session, ACTOR)
    assert site.files == 0


async def test_committed_bytes_expire_with_their_session(site: Site) -> None:
    """When the client never comes back."""
    session = await lost_before(site)
    await site.expire(timedelta(hours=25))
    with pytest.raises(UploadUnknown):
        await site.process().upload(IMAGE, session, ACTOR)
    assert site.files == 0


async def test_a_close_whose_answer_was_lost_is_a_blob(site: Site) -> None:
    """The client repeats it, is told that the upload is gone, and finds the blob (R18)."""
    session = await started(site)
    site.sessions.is_lost_after = True
    with pytest.raises(Unavailable):
        await site.process().finish_upload(IMAGE, session, ACTOR, DIGEST)
    site.sessions.is_lost_after = False
    with pytest.raises(UploadUnknown):
        await site.process().finish_upload(IMAGE, session, ACTOR, DIGEST)
    assert await read_all(site.process().read_blob(IMAGE, DIGEST)) == DATA
    assert site.files == 1


async def test_a_second_copy_whose_close_was_lost_is_freed(site: Site) -> None:
    """It was discarded in the same step that linked the first one."""
    await push_blob(site.process(), IMAGE, DATA, ACTOR)
    session = await started(site)
    site.sessions.is_lost_after = True
    with pytest.raises(Unavailable):
        await site.process().finish_upload(IMAGE, session, ACTOR, DIGEST)
    assert site.files == 2
    await site.expire(timedelta())
    assert site.files == 1
    assert await read_all(site.process().read_blob(IMAGE, DIGEST)) == DATA


async def test_a_close_whose_answer_was_lost_is_not_repeated_on_the_blob(site: Site) -> None:
    """The process that remembers the session finds it ended, and does nothing to what is a blob's object by now."""
    process = site.process()
    session = (await process.start_upload(IMAGE, ACTOR, DigestAlgorithm.SHA256)).id
    await process.append(IMAGE, session, ACTOR, chunk(DATA))
    site.sessions.is_lost_after = True
    with pytest.raises(Unavailable):
        await process.finish_upload(IMAGE, session, ACTOR, DIGEST)
    site.sessions.is_lost_after = False
    for digest in (DIGEST, Digest.of(b"others")):
        with pytest.raises(UploadUnknown):
            await process.finish_upload(IMAGE, session, ACTOR, digest)
    assert await read_all(process.read_blob(IMAGE, DIGEST)) == DATA


async def test_a_failed_fsync_is_never_repeated_as_success(site: Site) -> None:
    """The bytes are given up; the client starts again (R86)."""
    site.driver = FailingDisk.open(site.root)
    session = await started(site)
    with pytest.raises(Unavailable):
        await site.process().finish_upload(IMAGE, session, ACTOR, DIGEST)
    with pytest.raises(UploadUnknown):
        await site.process().finish_upload(IMAGE, session, ACTOR, DIGEST)
    with pytest.raises(BlobUnknown):
        await site.process().stat_blob(IMAGE, DIGEST)
    assert site.files == 0
    await push_blob(site.process(), IMAGE, DATA, ACTOR)
    assert await read_all(site.process().read_blob(IMAGE, DIGEST)) == DATA
