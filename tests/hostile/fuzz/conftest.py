"""The battle of a test file: its own count of answers, the server of all attacks."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostile.attacker import Attacker
from hostile.fuzz.battle import Battle
from hostile.fuzz.manifest_grammar import bombs
from hostile.fuzz.settings import SEED
from servers.registry import StandaloneRegistry

_told: list[str] = []


@pytest.fixture(scope="module")
def battle(request: pytest.FixtureRequest, registry: StandaloneRegistry, attacker: Attacker) -> Iterator[Battle]:
    """Fails afterwards if the server did not survive it."""
    with asyncio.Runner() as runner:
        battle = Battle(registry, attacker, runner)
        # A heap keeps what the largest of manifests took once; that it takes no more each time is the question.
        battle.rage(bombs(), at_once=3)
        battle.begin()
        yield battle
        _told.append(f"{Path(request.node.name).stem}: {battle.told}")
        battle.assert_survived()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The seed, with which the same run can be had again, and the figures."""
    if _told:
        terminalreporter.section(f"fuzz, seed {SEED}")
        for line in _told:
            terminalreporter.write_line(line)
