"""Fixtures of the journeys through a repository's life."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from hostile.attacker import Attacker
from journeys.life import NUMBERS, OWNER, Life, become_owner, workspace_is
from servers.registry import StandaloneRegistry


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneRegistry]:
    """One registry for a file; every test has a repository of its own."""
    registry = StandaloneRegistry(tmp_path_factory.mktemp("life"))
    asyncio.run(registry.start())
    try:
        yield registry
    finally:
        asyncio.run(registry.stop())


@pytest.fixture
async def life(registry: StandaloneRegistry) -> AsyncIterator[Life]:
    """A repository with an image, and an owner in the workspace."""
    attacker = Attacker(registry)
    await become_owner(attacker, OWNER)
    made = Life(attacker, f"life{next(NUMBERS)}")
    await made.begin()
    yield made
    await workspace_is(made, "active")
