"""Requests by grammar: every answer is one the documentation knows, whatever was asked (R2-R6, R10, R14, R132-R138)."""

from random import Random

import pytest

from hostile.fuzz.battle import Battle
from hostile.fuzz.http_grammar import any_request
from hostile.fuzz.settings import FUZZ_SECONDS, REQUESTS, SEED
from hostile.fuzz.shots import corpus


def test_what_once_failed_fails_no_more(battle: Battle) -> None:
    """Every input of the corpus."""
    battle.rage(corpus())


@pytest.mark.timeout(FUZZ_SECONDS)
def test_requests_of_any_shape(battle: Battle) -> None:
    """Over kept connections, so that an answer too many would be taken for the next one."""
    dice = Random(SEED)
    battle.rage(any_request(dice) for _ in range(REQUESTS))
