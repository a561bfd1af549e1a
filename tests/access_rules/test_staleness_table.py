"""Each row of the fail-closed table (authorization.md §3.3), asked of the one place that both sides decide by."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from access_rules.tables import FOLDER
from moorage.access.action import Action
from moorage.access.image import Visibility
from moorage.access.staleness import Bounds, Ground, LaneAge, Tier, answers, ground, worst_tier

ROWS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "staleness.yaml").read_text("utf-8"))["tiers"]
COLUMNS = ("pull inherit", "pull workspace", "pull public", "push", "delete", "delete-tag", "manage")


def cells() -> Iterator[tuple[float, str, str, str, str]]:
    """Age, tier, column, and what each side says."""
    for row in ROWS:
        for seconds in row["seconds"]:
            for column in COLUMNS:
                yield seconds, row["tier"], column, row["gateway"][column], row["authority"][column]


def asked(column: str) -> tuple[Action, Visibility]:
    """The action, and the image's visibility where the column has one."""
    action, _, visibility = column.partition(" ")
    return Action(action), Visibility(visibility or "inherit")


@pytest.mark.parametrize(("seconds", "tier", "column", "gateway", "authority"), list(cells()))
def test_a_cell_of_the_table(seconds: float, tier: str, column: str, gateway: str, authority: str) -> None:
    """The age is in its tier, the gateway rests on what the row says, and the authority answers or is stale."""
    found = Bounds().tier(seconds)
    assert found is Tier[tier]
    action, visibility = asked(column)
    assert ground(action, visibility, found) is Ground[gateway.upper()]
    assert answers(action, visibility, found) is (authority == "answers")


def test_every_tier_has_its_row_and_every_column_its_cell() -> None:
    """Nothing of the table is left out."""
    assert [row["tier"] for row in ROWS] == [tier.name for tier in Tier]
    for row in ROWS:
        assert tuple(row["gateway"]) == tuple(row["authority"]) == COLUMNS


def test_each_lane_is_judged_by_its_own_bounds_and_the_worst_tier_wins() -> None:
    """A slow poll is fresh by its own measure; it excuses nobody else."""
    slow = {"fresh": 3600.0, "aging": 7200.0, "push": 7200.0, "pull": 7200.0, "public": 7200.0}
    polled, told = LaneAge(1800, slow), LaneAge(31, {})
    assert worst_tier([polled], Bounds()) is Tier.FRESH
    assert worst_tier([polled, told], Bounds()) is Tier.STALE_W
    assert worst_tier([LaneAge(31, {"aging": 20.0, "push": 25.0})], Bounds()) is Tier.STALE_P
    assert worst_tier([], Bounds()) is Tier.FRESH


def test_a_site_may_lower_every_bound_to_thirty_seconds() -> None:
    """Then nothing is decided on older facts."""
    low = Bounds(5, 30, 30, 30, 30)
    assert low.tier(30) is Tier.AGING
    assert low.tier(30.1) is Tier.STALE_PUBLIC
    assert low.longest_silence(public=True) == low.longest_silence(public=False) == 30


def test_without_public_images_nothing_is_decided_on_a_longer_silence_than_pulls_bear() -> None:
    """Public ones bear more; stale pulls have no end."""
    assert Bounds().longest_silence(public=False) == 300
    assert Bounds().longest_silence(public=True) == 900
    assert Bounds(serve_stale=True).longest_silence(public=False) is None
