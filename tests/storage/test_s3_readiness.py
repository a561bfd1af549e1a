"""Storage over S3 is ready with its bucket."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from faults.waiting import until
from moorage.oci.errors import Unavailable
from moorage.runtime.clock import FixedClock
from moorage.storage.app import open_storage
from moorage.storage.drivers.s3.client import opened
from moorage.storage.drivers.s3.readiness import KEPT_SECONDS, BucketReadiness
from moorage.storage.ports import ObjectMissing
from moorage.storage.settings import StorageSettings
from servers.seaweed import SeaweedStore


async def test_it_is_ready_as_long_as_the_bucket_is_there(
    seaweed: SeaweedStore, storage_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that does not answer, or has no such bucket, is told by name."""
    bucket = "fleeting"
    async with opened(seaweed.place()) as client:
        await client.create_bucket(Bucket=bucket)
        told = {**seaweed.environment(), "MOORAGE_STORAGE_S3_BUCKET": bucket}
        for name, value in {**told, "MOORAGE_STORAGE_DATABASE_URL": storage_dsn}.items():
            monkeypatch.setenv(name, value)
        async with open_storage(StorageSettings()) as storage:
            assert await storage.health.missing() == {}
            await client.delete_bucket(Bucket=bucket)

            async def noticed() -> bool:
                return await storage.health.missing() == {"bucket": "the bucket does not exist"}

            await until(noticed)


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (None, None),
        (ObjectMissing(), "the bucket does not exist"),
        (Unavailable("no"), "the bucket can't be used"),
    ],
)
async def test_an_answer_is_kept_for_seconds(failure: Exception | None, told: str | None) -> None:
    """Whoever asks meanwhile costs the store nothing, and it is asked once for all that ask at the same time."""
    clock, asked = FixedClock(), list[int]()

    async def look() -> None:
        asked.append(1)
        await asyncio.sleep(0)
        if failure:
            raise failure

    readiness = BucketReadiness(look, clock)
    assert set(await asyncio.gather(*(readiness.missing() for _ in range(10)))) == {told}
    assert len(asked) == 1
    clock.advance(timedelta(seconds=KEPT_SECONDS))
    assert await readiness.missing() == told
    assert len(asked) == 2


async def test_a_store_that_is_silent_is_not_waited_for() -> None:
    """And who asks next does not wait for it again."""
    answers: Iterator[asyncio.Event] = iter([asyncio.Event()])

    async def look() -> None:
        await next(answers).wait()

    readiness = BucketReadiness(look, FixedClock(), patience_seconds=0.01)
    assert await readiness.missing() == "S3 does not answer"
    assert await readiness.missing() == "S3 does not answer"
