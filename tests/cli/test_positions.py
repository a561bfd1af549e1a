"""The command remembers how far each registry has told it, and insists on it later (authorization.md §3.6)."""

from pathlib import Path

import pytest

from moorage.cli.positions import Positions

ONE, OTHER = "http://127.0.0.1:5000", "http://127.0.0.1:6000"


@pytest.fixture
def positions(tmp_path: Path) -> Positions:
    """Nothing was told yet."""
    return Positions(tmp_path / "state" / "positions.json")


def test_the_newest_position_of_a_registry_is_kept(positions: Positions) -> None:
    """Per registry, by epoch first."""
    assert positions.headers(ONE) == {}
    for told in ("zt1.1.9", "zt1.1.7", "zt1.2.1", "zt1.1.50"):
        positions.note(ONE, {"Moorage-Authz-Token": told})
    assert positions.headers(ONE) == {"Moorage-Authz-Min-Token": "zt1.2.1"}
    assert positions.headers(OTHER) == {}


def test_what_is_no_position_is_not_kept(positions: Positions) -> None:
    """Of whatever answers there."""
    positions.note(ONE, {"Moorage-Authz-Token": "yesterday"})
    positions.note(ONE, {})
    assert positions.headers(ONE) == {}


def test_a_file_that_can_not_be_read_is_done_without(tmp_path: Path) -> None:
    """The command works as ever."""
    path = tmp_path / "positions.json"
    path.write_text("{]", encoding="utf-8")
    positions = Positions(path)
    assert positions.headers(ONE) == {}
    positions.note(ONE, {"Moorage-Authz-Token": "zt1.1.1"})
    assert positions.headers(ONE) == {"Moorage-Authz-Min-Token": "zt1.1.1"}
