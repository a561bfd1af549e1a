"""Session fixtures of the real servers, for tests/conftest.py to import."""

import asyncio
from collections.abc import Iterator

import pytest

from servers.kafka import KafkaBroker


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """One broker for the whole run; tests use topics and groups with names of their own.

    A plain fixture with short event loops of its own, because the broker outlives the loop of every single test.
    """
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    asyncio.run(broker.start())
    try:
        yield broker
    finally:
        asyncio.run(broker.stop())
