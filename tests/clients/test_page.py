"""docs/clients.md says what the matrix says, so it can't drift."""

from clients.matrix import OPERATIONS, cells_of
from clients.table import page, rows
from servers.clients import ALL
from servers.places import REPOSITORY

COMMITTED = (REPOSITORY / "docs" / "clients.md").read_text(encoding="utf-8")


def test_the_page_has_the_rows_and_columns_of_the_matrix() -> None:
    """All of it but the versions, which are of the run that wrote it."""
    written = page(dict.fromkeys((client.program for client in ALL), ""))
    without_versions = [line for line in COMMITTED.splitlines() if not line.startswith("| version |")]
    assert without_versions == [line for line in written.splitlines() if not line.startswith("| version |")]


def test_every_cell_is_a_test_or_has_its_reason() -> None:
    """What a client lacks is named once, and nothing is named that is no operation."""
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names) == len(rows(COMMITTED))
    for client in ALL:
        assert set(client.cannot) <= set(names)
        assert len(cells_of(client)) + len(client.cannot) == len(names)
