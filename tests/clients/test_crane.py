"""The cells of crane."""

import pytest

from clients.bench import Bench
from clients.matrix import Cell, cells_of
from servers.clients import Crane


@pytest.mark.parametrize("cell", cells_of(Crane), ids=str)
async def test_matrix(cell: Cell, bench: Bench) -> None:
    """Each operation, as docs/clients.md lists it."""
    await cell.operation.check(bench)
