"""Nothing pushed after Bob was removed is served to Bob, however far a gateway's stream lags (R73, §3.5, §6)."""

from pathlib import Path

import pytest

from faults.fleet import rounds
from faults.new_enemy import scene
from faults.permissions_process import PermissionsProcess

pytestmark = pytest.mark.timeout(600)

ROUNDS = 100
MOST = 500
FEW = 5
DENIED, UNKNOWN = {404}, {503}
"""What the authority said, and what is said where it did not answer in time."""


async def test_what_is_pushed_after_a_removal_is_never_served_to_who_was_removed(
    permissions: PermissionsProcess, tmp_path: Path
) -> None:
    """By the frozen gateway's own facts Bob may still pull; what tells the new content apart is its position."""
    times = min(rounds(ROUNDS), MOST)
    async with scene(permissions, tmp_path, times) as enemy:
        answers = [await enemy.play(number) for number in range(times)]
    assert {known for known, _, _ in answers} == {200}
    assert {each for _, *served in answers for each in served} <= DENIED | UNKNOWN


async def test_without_the_authority_the_answer_is_that_nobody_knows(
    permissions: PermissionsProcess, tmp_path: Path
) -> None:
    """503: neither an allow nor a denial."""
    async with scene(permissions, tmp_path, FEW, cut_off=True) as enemy:
        assert {await enemy.play(number) for number in range(FEW)} == {(200, 503, 503)}


async def test_without_the_position_in_the_content_it_would_be_served(
    permissions: PermissionsProcess, tmp_path: Path
) -> None:
    """The same scene with content that carries no positions leaks every time: the tests above can fail."""
    async with scene(permissions, tmp_path, FEW, protected=False) as enemy:
        assert {await enemy.play(number) for number in range(FEW)} == {(200, 200, 200)}
