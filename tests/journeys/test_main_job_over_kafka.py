"""The main job with the three services apart, facts through a real Kafka broker."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from journeys.main_job import MainJob
from moorage.standalone.demo import USERS, demo_facts
from servers.kafka import KafkaBroker
from servers.services_apart import ServicesApart

pytestmark = pytest.mark.timeout(300)


class TestTheMainJobOverKafka(MainJob):
    """permissions, storage and gateway in three processes; the demo's facts come over Kafka."""

    @pytest.fixture
    async def registry(self, tmp_path: Path, fresh_dsn: str, kafka: KafkaBroker) -> AsyncIterator[ServicesApart]:
        async with ServicesApart(tmp_path / "services", fresh_dsn, kafka) as registry:
            facts = [json.loads(line) for line in demo_facts("/tests", "2026-11-24T10:00:00Z").splitlines()]
            await registry.tell(facts)
            await registry.applied()
            await registry.mint(USERS)
            yield registry
