"""The main job in one process, facts through the HTTP door."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from journeys.main_job import MainJob
from servers.registry import StandaloneRegistry

pytestmark = pytest.mark.timeout(300)


class TestTheMainJobStandalone(MainJob):
    """`moorage serve --demo`, as the README says."""

    @pytest.fixture
    async def registry(self, tmp_path: Path) -> AsyncIterator[StandaloneRegistry]:
        async with StandaloneRegistry(tmp_path / "registry") as registry:
            yield registry
