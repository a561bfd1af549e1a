"""Fixtures of the S3 store, for tests/conftest.py to import."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.seaweed import SeaweedStore


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedStore]:
    """One store for a file of tests, for an idle one takes a fifth of a core; a test takes a place of its own in it.

    Killed at the end, because nobody reads again what it would take seconds to put in order.
    """
    store = SeaweedStore(Path(tmp_path_factory.mktemp("seaweed")))
    asyncio.run(_open(store))
    try:
        yield store
    finally:
        asyncio.run(store.kill())


async def _open(store: SeaweedStore) -> None:
    await store.start()
    await store.make_bucket()
