"""No process tells what is not true any more; and it would, without any one of the rules."""

import os

import pytest

from storage.coherence_world import KeepsAll, Rules, TellsAlways, simulated

SEEDS = range(int(os.environ.get("MOORAGE_TEST_SEEDS", "3")))


@pytest.mark.parametrize(("window", "hits"), [(0.05, 500), (0.0, 50)], ids=["by a clock", "by polls alone"])
def test_nothing_wrong_is_told(window: float, hits: int) -> None:
    """With stopped readers, dead and late writers; and much is told from memory. Without a window nobody waits."""
    worlds = [simulated(Rules(window, waits=window > 0), seed) for seed in SEEDS]
    assert sum(world.wrong for world in worlds) == 0
    assert sum(world.hits for world in worlds) > hits * len(SEEDS)


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(Rules(holds=False), id="changes without a hold"),
        pytest.param(Rules(waits=False), id="changes that do not wait"),
        pytest.param(Rules(recollection=KeepsAll), id="keeping what was read before a hold was seen"),
        pytest.param(Rules(recollection=TellsAlways), id="telling on an old look"),
        pytest.param(Rules(lost_holds_roll_back=False), id="changes whose hold was ended by others"),
        pytest.param(Rules(0.0, holds=False), id="changes without a hold, without a window"),
    ],
)
def test_each_rule_is_needed(rules: Rules) -> None:
    """A test of the test above."""
    assert sum(simulated(rules, seed).wrong for seed in SEEDS) > 0
