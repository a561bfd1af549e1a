"""The cells of docker: the one tier that is optional, for an engine starts only where it has the rights to."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from clients.bench import Bench
from clients.matrix import Cell, cells_of
from servers.clients import Docker
from servers.docker_engine import DockerEngine, EngineDoesNotStart


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    """One for all cells; skips them where it does not start, and says why."""
    engine = DockerEngine()
    try:
        asyncio.run(engine.start())
        yield engine
    except EngineDoesNotStart as refusal:
        pytest.skip(f"Docker's engine does not start here: {refusal}")
    finally:
        asyncio.run(engine.stop())


@pytest.mark.parametrize("cell", cells_of(Docker), ids=str)
async def test_matrix(cell: Cell, bench: Bench, engine: DockerEngine) -> None:
    """Each operation, as docs/clients.md lists it."""
    await cell.operation.check(replace(bench, new_client=partial(Docker, bench.address, socket=engine.socket)))
