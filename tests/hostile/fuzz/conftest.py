"""The battle of a test file: its own count of answers, the server of all attacks."""

import asyncio
from collections.abc import Iterator

import pytest

from hostile.attacker import Attacker
from hostile.fuzz.battle import Battle
from hostile.fuzz.settings import SEED
from servers.registry import StandaloneRegistry


@pytest.fixture(scope="module")
def battle(registry: StandaloneRegistry, attacker: Attacker) -> Iterator[Battle]:
    """Fails afterwards if the server did not survive it."""
    print(f"fuzz: seed {SEED}")
    with asyncio.Runner() as runner:
        battle = Battle(registry, attacker, runner)
        yield battle
        battle.is_survived()
        print(f"fuzz: {sum(battle.answers.values())} answers, by status {dict(sorted(battle.answers.items()))}")
