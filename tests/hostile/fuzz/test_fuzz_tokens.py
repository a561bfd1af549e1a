"""Tokens by grammar: a token opens something only if it says what a genuine one says (R55-R58, R60)."""

import json
import time
from random import Random
from typing import Any, Final

import pytest
from joserfc import jws
from joserfc.errors import JoseError

from hostile.attacker import Answer
from hostile.fuzz.battle import Battle
from hostile.fuzz.settings import FUZZ_SECONDS, SEED, TOKENS
from hostile.fuzz.shots import Shot
from hostile.fuzz.token_grammar import any_token
from hostile.genuine import Genuine, decoded

_SAME: Final = ("iss", "aud", "sub", "identity")


@pytest.mark.timeout(FUZZ_SECONDS)
def test_tokens_of_any_shape(battle: Battle) -> None:
    """401 for all that differ in anything that matters."""
    dice, genuine = Random(SEED), battle.genuine

    def misjudged(shot: Shot, answer: Answer) -> str | None:
        shown = shot.sent.partition(b"Bearer ")[2].partition(b"\r\n")[0].decode("latin-1")
        if answer.status != 401:
            return None if answer.status == 200 and says_the_same(shown, genuine) else "it opened something"
        return None if answer.header("WWW-Authenticate").startswith("Bearer ") else "401 without a challenge"

    battle.rage((any_token(dice, genuine) for _ in range(TOKENS)), misjudged, keeps=False)


def says_the_same(text: str, genuine: Genuine) -> bool:
    """Whether it is ours by all that RFC 7515 and our rules ask of one."""
    try:
        header = decoded(text.partition(".")[0])
        claims = json.loads(jws.deserialize_compact(text, genuine.key, algorithms=["ES256"]).payload)
        times, access = [claims[name] for name in ("nbf", "iat", "exp")], claims["access"]
    except (ValueError, LookupError, TypeError, JoseError):
        return False
    same = header == genuine.header and all(claims.get(name) == genuine.claims[name] for name in _SAME)
    whole = all(type(each) is int for each in times) and isinstance(claims.get("jti"), str)
    timely = whole and claims["nbf"] - 61 < time.time() < claims["exp"] + 61
    return same and timely and isinstance(access, list) and all(map(_is_grant, access))


def _is_grant(entry: Any) -> bool:
    """Whatever it grants: it is a bound only, and nobody but the registry signs."""
    names = isinstance(entry, dict) and entry.keys() == {"type", "name", "actions"}
    return names and all(isinstance(each, str) for each in (entry["type"], entry["name"], *entry["actions"]))
