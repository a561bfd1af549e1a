"""Session fixtures of the real servers, for tests/conftest.py to import."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from servers.kafka import KafkaBroker


@pytest.fixture(scope="session")
def kafka_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """One broker for the whole run.

    A plain fixture with short event loops of its own, because the broker outlives the loop of every single test.
    """
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    asyncio.run(broker.start())
    try:
        yield broker
    finally:
        asyncio.run(broker.stop())


@pytest.fixture
async def kafka(kafka_of_the_session: KafkaBroker) -> AsyncIterator[KafkaBroker]:
    """The broker; a test uses topics and groups with names of its own, and its topics end with it."""
    yield kafka_of_the_session
    await kafka_of_the_session.delete_topics()
