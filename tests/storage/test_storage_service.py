"""Storage as it is opened and closed: its settings, its health, its expiry."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from contracts.samples import chunk, push_blob, push_image, read_all, some_actor
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import BlobUnknown, Unavailable, UploadUnknown
from moorage.oci.reference import Tag
from moorage.storage.app import connect_storage, open_storage
from moorage.storage.collection import Collected, Kind, Policy
from moorage.storage.expiry import Expired
from moorage.storage.settings import StorageSettings


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
    wrong = {
        "max_manifest_bytes": 5 * 2**20,
        "max_blob_bytes": 0,
        "expiry_interval": timedelta(),
        "service_token": "too short",
    }
    for name, value in wrong.items():
        with pytest.raises(ValidationError):
            StorageSettings.model_validate({name: value})


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"driver": "s3"}, "the driver s3 needs a bucket"),
        ({"s3_bucket": "blobs"}, "set the driver too"),
        ({"driver": "s3", "s3_bucket": "blobs", "s3_access_key": "key"}, "are told together"),
        ({"driver": "s3", "s3_bucket": "blobs", "s3_secret_key": "key"}, "are told together"),
        ({"driver": "s3", "s3_bucket": "blobs", "s3_endpoint": "https://user@host/"}, "without user, path or query"),
        ({"driver": "s3", "s3_bucket": "blobs", "s3_prefix": "no-slash"}, "should match pattern"),
        ({"driver": "s3", "s3_bucket": "blobs", "max_blob_bytes": 2**43}, "5 TiB"),
        ({"driver": "tape"}, "filesystem"),
    ],
)
def test_what_a_driver_needs_is_told_together(told: dict[str, object], said: str) -> None:
    """And never repeated: it may be a secret in the wrong place (R146)."""
    with pytest.raises(ValidationError) as raised:
        StorageSettings.model_validate({"database_url": "postgresql://localhost/db", **told})
    assert said in str(raised.value)
    assert "user@host" not in str(raised.value)


async def test_one_run_tells_what_went(storage_settings: StorageSettings) -> None:
    """Sessions that ended, with their bytes; the next run finds nothing."""
    image, actor = uuid4(), some_actor()
    brief = storage_settings.model_copy(update={"upload_idle": timedelta()})
    async with connect_storage(brief) as storage:
        session = await storage.content.start_upload(image, actor, DigestAlgorithm.SHA256)
        await storage.content.append(image, session.id, actor, chunk(b"begun"))
        assert await storage.expire() == Expired(sessions=1, objects=1, bytes=5)
        assert await storage.expire() == Expired()
        with pytest.raises(UploadUnknown):
            await storage.content.upload(image, session.id, actor)


async def test_storage_is_ready_with_its_database(storage_settings: StorageSettings) -> None:
    """And says so from the moment it is open."""
    async with open_storage(storage_settings) as storage:
        assert await storage.health.missing() == {}
    assert await storage.health.missing() == {"storage": "PostgreSQL can't be reached"}


async def test_a_run_of_collection_is_counted(storage_settings: StorageSettings) -> None:
    """What went, what waits; a preview is no run (R100)."""
    image, actor, numbers = uuid4(), some_actor(), CollectorRegistry()
    hurried = storage_settings.model_copy(update={"collection_grace": timedelta()})
    async with connect_storage(hurried) as storage:
        storage.collection.add_to(numbers)
        digest = await push_blob(storage.content, image, b"nobody names it", actor)
        assert await storage.collection.preview() == Collected(links=1)
        assert await storage.collection.run() == Collected(links=1)
        assert await storage.collection.preview() == Collected(blobs=1, bytes=15)
        assert await storage.collection.run() == Collected(blobs=1, bytes=15)
        assert await storage.expire() == Expired(objects=1, bytes=15)
        with pytest.raises(BlobUnknown):
            await storage.content.stat_blob(image, digest)

    def told(name: str, **labels: str) -> float | None:
        return numbers.get_sample_value(f"moorage_storage_{name}", labels)

    assert told("collection_runs_total", outcome="done") == 2
    assert told("collection_seconds_count") == 2
    assert (told("collected_total", kind="links"), told("collected_total", kind="blobs")) == (1, 1)
    assert told("collected_bytes_total") == 15
    assert (told("reviews_waiting", kind="link"), told("reviews_due", kind="blob")) == (0, 0)
    assert told("oldest_due_review_seconds") == 0


async def test_collection_that_fails_is_counted(storage_settings: StorageSettings) -> None:
    """The next run is tried all the same."""
    numbers = CollectorRegistry()
    async with connect_storage(storage_settings) as storage:
        storage.collection.add_to(numbers)
    with pytest.raises(Unavailable):
        await storage.collection.run()
    assert numbers.get_sample_value("moorage_storage_collection_runs_total", {"outcome": "failed"}) == 1


def test_a_duration_for_untagged_manifests_is_no_must() -> None:
    """Without one they are kept; with one, never shorter than the time in which a deletion can be undone."""
    assert Policy().age(Kind.MANIFEST) is None
    assert Policy(untagged_after=timedelta(hours=1)).age(Kind.MANIFEST) == timedelta(hours=24)
