"""What makes a push cheap, pinned as counts: statements per request, syncs per blob (docs/design/storage.md §7)."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.samples import CONFIG, chunk, described, image_json, push_blob, read_all, some_actor
from contracts.storage_parts import wired
from moorage.distribution.content import ManifestPush
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import BlobUnknown, ManifestBlobUnknown, ManifestInvalid, UploadUnknown
from moorage.oci.media_types import ManifestType
from moorage.oci.reference import Tag
from moorage.runtime.clock import FixedClock
from moorage.runtime.postgres import Database
from moorage.runtime.statement import Connection
from moorage.storage.app import SCHEMA
from moorage.storage.content import StoredContent
from moorage.storage.drivers.filesystem import FilesystemDriver
from storage.postgres_stores import postgres_stores

IMAGE, ACTOR, SHA256 = uuid4(), some_actor(), DigestAlgorithm.SHA256


class CountingDatabase(Database):
    """Notes what it is asked."""

    asked: int = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """See Database."""
        async with super().connection() as connection:
            with connection.query_logger(self._note):
                yield connection

    def _note(self, _: object) -> None:
        self.asked += 1

    @asynccontextmanager
    async def asks(self, times: int) -> AsyncIterator[None]:
        """Fails unless the body asks so often."""
        await asyncio.sleep(0)  # what was asked is told in the loop's next turn
        before = self.asked
        yield
        await asyncio.sleep(0)
        assert self.asked - before == times


@pytest.fixture
async def database(storage_dsn: str) -> AsyncIterator[CountingDatabase]:
    """One connection, so that nothing is asked about types again."""
    async with await CountingDatabase.open(storage_dsn, SCHEMA, size=1) as database:
        yield database


@pytest.fixture
async def content(database: CountingDatabase, tmp_path: Path) -> StoredContent:
    """Storage that has been pushed to, deleted from and asked for all that is counted here."""
    driver = FilesystemDriver.open(tmp_path / "blobs")
    content = wired(driver, postgres_stores(database), FixedClock())
    config = await push_blob(content, IMAGE, b"{}", ACTOR)
    await content.stat_blob(IMAGE, config)
    await content.mount_blob(IMAGE, uuid4(), config, ACTOR)
    body = image_json(described(b"{}", CONFIG))
    await content.put_manifest(IMAGE, _push(body, "first"), ACTOR)
    return content


def _push(body: bytes, tag: str) -> ManifestPush:
    return ManifestPush(Tag(tag), ManifestType.OCI_IMAGE.value, body, ())


async def test_a_new_blob_takes_three_statements(content: StoredContent, database: CountingDatabase) -> None:
    """Is it there; a session; and the one durable step. Bytes that come in between ask nothing."""
    data = os.urandom(100_000)
    digest = Digest.of(data)
    async with database.asks(1):
        with pytest.raises(BlobUnknown):
            await content.stat_blob(IMAGE, digest)
    async with database.asks(1):
        session = await content.start_upload(IMAGE, ACTOR, SHA256)
    async with database.asks(0):
        await content.append(IMAGE, session.id, ACTOR, chunk(data[:60_000]))
        await content.append(IMAGE, session.id, ACTOR, chunk(data[60_000:]))
    async with database.asks(1):
        await content.finish_upload(IMAGE, session.id, ACTOR, digest)
    assert await read_all(content.read_blob(IMAGE, digest)) == data


async def test_a_manifest_is_one_statement(content: StoredContent, database: CountingDatabase) -> None:
    """With its locks, tags, history and references; a refusal may look closer."""
    async with database.asks(1):
        await content.put_manifest(IMAGE, _push(image_json(described(b"{}", CONFIG), note="x"), "second"), ACTOR)
    with pytest.raises(ManifestBlobUnknown, match="push these"):
        await content.put_manifest(IMAGE, _push(image_json(described(b"{} ", CONFIG)), "third"), ACTOR)
    wrong = image_json(described(b"{}", CONFIG)).replace(b'"size": 2', b'"size": 3')
    with pytest.raises(ManifestInvalid, match="2 bytes, the manifest says 3"):
        await content.put_manifest(IMAGE, _push(wrong, "fourth"), ACTOR)


async def test_a_mount_is_one_statement(content: StoredContent, database: CountingDatabase) -> None:
    """Source, link and what lies behind it."""
    async with database.asks(1):
        assert await content.mount_blob(IMAGE, uuid4(), Digest.of(b"{}"), ACTOR)


async def test_a_small_blob_is_synced_twice(content: StoredContent, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file, and the folder that it comes into: once each, when it is closed (R84)."""
    synced: list[int] = []
    sync = os.fsync

    def counted(descriptor: int) -> None:
        synced.append(descriptor)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    session = await content.start_upload(IMAGE, ACTOR, SHA256)
    await content.append(IMAGE, session.id, ACTOR, chunk(b"small"))
    assert synced == []
    await content.finish_upload(IMAGE, session.id, ACTOR, Digest.of(b"small"))
    assert len(synced) == 2


async def test_what_is_remembered_of_a_session_outlives_nothing(
    content: StoredContent, database: CountingDatabase, tmp_path: Path
) -> None:
    """Another process ends it: neither bytes nor a close are taken here any more (R17)."""
    other = wired(FilesystemDriver.open(tmp_path / "blobs"), postgres_stores(database), FixedClock())
    session = await content.start_upload(IMAGE, ACTOR, SHA256)
    await other.append(IMAGE, session.id, ACTOR, chunk(b"from elsewhere"))
    await other.cancel_upload(IMAGE, session.id, ACTOR)
    with pytest.raises(UploadUnknown):
        await content.append(IMAGE, session.id, ACTOR, chunk(b"more"))
    with pytest.raises(UploadUnknown):
        await content.finish_upload(IMAGE, session.id, ACTOR, Digest.of(b""))
