"""A gateway per test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.site import Site, open_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A gateway at head."""
    async with open_site(tmp_path) as opened:
        yield opened
