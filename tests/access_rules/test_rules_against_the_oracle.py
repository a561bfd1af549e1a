"""The rule, the gateway's replica and the oracle decide alike on random questions about random worlds (§6).

`MOORAGE_TEST_QUESTIONS` sets how many questions the rule is asked (default 20,000; the design wants 1,000,000 to be
reached somewhere), `MOORAGE_TEST_SEED` where the random worlds begin. A failure names the seed of its world.
"""

import os
from typing import Final

import pytest

from access_rules.engines import disagreement
from access_rules.oracle import Oracle
from access_rules.random_worlds import WorldMaker
from access_rules.replica_engine import ReplicaEngine
from access_rules.rules_engine import RulesEngine

QUESTIONS: Final = int(os.environ.get("MOORAGE_TEST_QUESTIONS", "20000"))
SEED: Final = int(os.environ.get("MOORAGE_TEST_SEED", "20261124"))
PER_WORLD: Final = 100
SHARES: Final = (0.0, 0.4, 1.0)


@pytest.mark.timeout(3600)
def test_the_rule_decides_like_the_oracle() -> None:
    """Every answer of the rule is allowed by the oracle, and every reason is a true obstacle."""
    for seed in range(SEED, SEED + QUESTIONS // PER_WORLD):
        maker = WorldMaker(seed)
        world = maker.world()
        rule, oracle = RulesEngine(world), Oracle(world)
        for question in maker.questions(PER_WORLD):
            wrong = disagreement(rule.judge_now(question), oracle.judge(question))
            assert wrong is None, f"seed {seed}: {question}: {wrong}"


@pytest.mark.timeout(3600)
def test_the_replica_decides_like_the_oracle() -> None:
    """So does the gateway's copy of the facts, whether they came by snapshot, by frames or by both."""
    for seed in range(SEED, SEED + QUESTIONS // PER_WORLD):
        maker = WorldMaker(seed)
        world = maker.world()
        replica, oracle = ReplicaEngine(SHARES[seed % len(SHARES)]), Oracle(world)
        replica.load_now(world)
        for question in maker.questions(PER_WORLD):
            wrong = disagreement(replica.judge_now(question), oracle.judge(question))
            assert wrong is None, f"seed {seed}: {question}: {wrong}"
