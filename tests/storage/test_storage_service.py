"""Storage as it is opened and closed: its settings, its periodic work."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from contracts.samples import push_image, read_all, some_actor
from moorage.oci.digest import Digest
from moorage.oci.errors import Unavailable
from moorage.oci.reference import Tag
from moorage.storage.app import open_storage
from moorage.storage.periodic import Periodic
from moorage.storage.settings import StorageSettings

INTERVAL = timedelta(microseconds=1)


async def test_what_was_stored_is_there_after_a_restart(storage_settings: StorageSettings) -> None:
    """Bytes and metadata; a second process sees the same."""
    image, actor = uuid4(), some_actor()
    async with open_storage(storage_settings) as storage:
        pushed = await push_image(storage.content, image, actor, "v1")
    async with open_storage(storage_settings) as one, open_storage(storage_settings) as two:
        for storage in (one, two):
            assert (await storage.content.manifest(image, Tag("v1"))).digest == pushed.digest
            assert await read_all(storage.content.read_blob(image, Digest.of(b"{}"))) == b"{}"


def test_settings_are_bounded_and_keep_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that makes no sense is refused before anything is opened; secrets are masked."""
    monkeypatch.setenv("MOORAGE_STORAGE_DATABASE_URL", "postgresql://u:hidden@localhost/db")
    monkeypatch.setenv("MOORAGE_STORAGE_DATA_FOLDER", "/srv/blobs")
    settings = StorageSettings()
    assert settings.data_folder == Path("/srv/blobs")
    assert "hidden" not in f"{settings!r}{settings.masked()}"
    for name, value in (("max_manifest_bytes", 5 * 2**20), ("max_blob_bytes", 0), ("expiry_interval", timedelta())):
        with pytest.raises(ValidationError):
            StorageSettings.model_validate({name: value})


async def test_periodic_work_goes_on_after_a_failure() -> None:
    """One bad pass is told; the job lives on, and ends when it is left."""
    passes, done = 0, asyncio.Event()

    async def work() -> None:
        nonlocal passes
        passes += 1
        if passes == 3:
            done.set()
        raise Unavailable("not now") if passes == 1 else ZeroDivisionError

    with capture_logs() as logs:
        async with Periodic("some job", work, INTERVAL):
            await done.wait()
        ended_at = passes
        await asyncio.sleep(0)
    assert passes == ended_at
    assert [entry["log_level"] for entry in logs[:2]] == ["warning", "error"]


async def test_leaving_waits_for_the_work_in_hand() -> None:
    """What it holds is released before the service closes what it works on."""
    began, steps = asyncio.Event(), list[str]()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("released")

    async with Periodic("some job", work, INTERVAL):
        await began.wait()
    assert steps == ["released"]
