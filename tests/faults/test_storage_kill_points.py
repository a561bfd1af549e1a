"""A storage process is killed at every system call of a closing request: a blob is whole or absent (R84, R87, R88)."""

import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from contracts.samples import chunk, push_blob, read_all, some_actor
from contracts.storage_faults import damage, files_below
from faults.dying_storage import FIRST, content_of
from faults.storage_children import Children, storage_children
from faults.strace import killing, traced
from moorage.oci.digest import Digest
from moorage.oci.errors import BlobUnknown, UploadUnknown
from moorage.storage.app import Storage, connect_storage
from moorage.storage.settings import StorageSettings

pytestmark = pytest.mark.timeout(600)

CALLS = ("pwritev", "pwritev2", "fsync", "rename", "sendto", "unlink")
ACTOR = some_actor()
SCENARIOS = ("new", "stored", "damaged")


class Site:
    """One folder and database, a process that looks at them, and processes that die over them."""

    def __init__(self, storage: Storage, children: Children, folder: Path, trace: Path) -> None:
        self.storage, self.children, self.folder, self.trace = storage, children, folder, trace
        self.image = uuid4()
        self.number = 0
        self.blobs = set[Digest]()

    async def prepared(self, scenario: str) -> bytes:
        """The next blob to push, and what there is of it in another image."""
        self.number += 1
        data = content_of(self.number)
        self.blobs.add(Digest.of(data))
        if scenario != "new":
            before = set(files_below(self.folder))
            digest = await push_blob(self.storage.content, uuid4(), data, ACTOR)
            if scenario == "damaged":
                (file,) = set(files_below(self.folder)) - before
                damage(file, 0)
                await self.storage.verification.look_again(digest)
        return data

    async def close(self, *options: str) -> tuple[UUID, bool, dict[str, int]]:
        """A child closes its upload, under strace: the session, whether it was answered, and the calls that it made."""
        child = await self.children.make("close", self.image, ACTOR, self.number)
        session = UUID(await child.line())
        async with traced(child.pid, self.trace, CALLS, *options) as trace:
            child.go_on()
            said = await child.end()
        return session, said == ["201"], trace.calls

    async def is_clean(self, session: UUID, data: bytes, *, acknowledged: bool) -> None:
        """Whole, or absent and to be gone on with; what was acknowledged is never lost."""
        digest, content = Digest.of(data), self.storage.content
        try:
            await content.stat_blob(self.image, digest)
        except BlobUnknown:
            assert not acknowledged
            await self._goes_on(session, data)
        assert await read_all(content.read_blob(self.image, digest)) == data

    async def _goes_on(self, session: UUID, data: bytes) -> None:
        content = self.storage.content
        try:
            offset = (await content.upload(self.image, session, ACTOR)).offset
        except UploadUnknown:
            await push_blob(content, self.image, data, ACTOR)
            return
        assert FIRST <= offset <= len(data)
        last = chunk(data[offset:]) if offset < len(data) else None
        await content.finish_upload(self.image, session, ACTOR, Digest.of(data), last)


@pytest.fixture
async def site(storage_settings: StorageSettings, tmp_path: Path) -> AsyncIterator[Site]:
    """It holds nothing."""
    brief = storage_settings.model_copy(update={"upload_idle": timedelta()})
    async with connect_storage(brief) as storage, storage_children(storage_settings) as children:
        yield Site(storage, children, storage_settings.data_folder, tmp_path / "trace")


def stride(scenario: str, call: str) -> int:
    """What is sent to the database is sampled, except once; all of it is with MOORAGE_TEST_EVERY_POINT."""
    return 1 if os.environ.get("MOORAGE_TEST_EVERY_POINT") or scenario == "new" or call != "sendto" else 4


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_close_that_is_killed_anywhere_ends_clean(site: Site, scenario: str) -> None:
    """Of bytes that are new, that are stored already, that replace damaged ones; expiry returns all other space."""
    data = await site.prepared(scenario)
    session, acknowledged, calls = await site.close()
    await site.is_clean(session, data, acknowledged=acknowledged)
    points = [(call, when) for call in CALLS for when in range(1, calls[call] + 1, stride(scenario, call))]
    kills = 0
    for call, when in points:
        data = await site.prepared(scenario)
        session, acknowledged, _ = await site.close(*killing(call, when))
        kills += not acknowledged
        await site.is_clean(session, data, acknowledged=acknowledged)
    assert kills >= len(points) - 2  # the last calls may come after the answer
    await site.storage.expire()
    assert len(files_below(site.folder)) == len(site.blobs)
    assert [key async for key in site.storage.verification.unowned()] == []
    assert [each async for each in site.storage.verification.damaged()] == []
    sys.stdout.write(f"killed {kills} times in the closing request ({scenario}), which makes {dict(calls)}\n")
