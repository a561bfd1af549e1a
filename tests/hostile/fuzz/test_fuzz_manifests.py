"""Manifests by grammar: what is taken is what any two parsers read alike (R24-R29, R132, R138, R139)."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, Final

import pytest

from hostile.attacker import Answer
from hostile.fuzz.battle import Battle
from hostile.fuzz.manifest_grammar import any_manifest, bombs
from hostile.fuzz.settings import FUZZ_SECONDS, MANIFESTS, SEED
from hostile.fuzz.shots import Shot

_MOST_DEPTH: Final = 128


@pytest.mark.timeout(FUZZ_SECONDS)
def test_manifests_of_any_shape(battle: Battle) -> None:
    """What is stored is judged by rules written for this test."""
    dice = Random(SEED)
    battle.rage((any_manifest(dice) for _ in range(MANIFESTS)), misjudged)
    assert battle.answers[201] > MANIFESTS // 50, "hardly any is valid: the grammar has gone wrong"


@pytest.mark.timeout(FUZZ_SECONDS)
def test_bombs(battle: Battle) -> None:
    """Megabytes each, several at a time; two of them are valid."""
    battle.rage(bombs() * 2, at_once=3)


def misjudged(shot: Shot, answer: Answer) -> str | None:
    """Why the manifest must not have been stored."""
    if answer.status != 201:
        return None
    head, _, body = shot.sent.partition(b"\r\n\r\n")
    try:
        document = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_none)
    except ValueError as error:
        return f"it was taken, and is {error}"
    kinds = ["manifests" in document and document["manifests"] is not None, bool(document.get("layers"))]
    stated, pushed_as = document.get("mediaType"), head.lower().partition(b"content-type: ")[2].partition(b"\r\n")[0]
    if kinds == [True, True] or (kinds[0] and document.get("config")):
        return "it was taken, and can be read as an image and as an index"
    if stated and pushed_as and pushed_as.partition(b";")[0].decode("latin-1") != stated:
        return "it was taken as another type than it says"
    return "it was taken, and is deep" if _depth(document) > _MOST_DEPTH else None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("an object with a key twice")
    return dict(pairs)


def _none(text: str) -> None:
    raise ValueError(f"JSON with {text}")


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)
