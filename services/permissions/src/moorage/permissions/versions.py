"""The version rule: what becomes of a fact when one of the same key is stored already (authorization.md §2.3)."""

from enum import Enum
from typing import NamedTuple

from moorage.events.checksums import value_digest
from moorage.events.edge_facts import EDGE_TYPES
from moorage.events.fact_data import FactData


class Held(NamedTuple):
    """What is stored under a key: its version, the fingerprint of its value, and how much it permits."""

    version: int
    fingerprint: int
    rank: int

    @classmethod
    def of(cls, data: FactData, version: int) -> "Held":
        """What is stored once this fact has been applied."""
        rank = data.rank
        return cls(version, rank if type(data) in EDGE_TYPES else value_digest(data), rank)


class Ruling(Enum):
    """What to do with an incoming fact.

    `replaces` says whether the incoming value is stored, `changes` whether readers are told, `disputes` whether two
    values claim one version.
    """

    replaces: bool
    changes: bool
    disputes: bool

    CHANGE = "change"
    """It replaces what is stored and says something new."""
    RENEW = "renew"
    """It replaces the version only: the value is the same."""
    REPEAT = "repeat"
    """It is what is stored."""
    STALE = "stale"
    """Something newer is stored."""
    CONFLICT_LOST = "conflict_lost"
    """Another value has this version and permits less: that one stays, and the key is disputed."""
    CONFLICT_WON = "conflict_won"
    """Another value has this version and permits more: this one replaces it, and the key is disputed."""

    def __init__(self, name: str) -> None:
        self.replaces = name in ("change", "renew", "conflict_won")
        self.changes = name in ("change", "conflict_won")
        self.disputes = name in ("conflict_lost", "conflict_won")


def judge(held: Held | None, incoming: Held) -> Ruling:
    """The ruling. A conflict is decided by privilege, then by fingerprint, so any order of arrival ends the same."""
    if held is None:
        return Ruling.CHANGE
    if incoming.version != held.version:
        if incoming.version < held.version:
            return Ruling.STALE
        return Ruling.RENEW if incoming.fingerprint == held.fingerprint else Ruling.CHANGE
    if incoming.fingerprint == held.fingerprint:
        return Ruling.REPEAT
    lower = (incoming.rank, incoming.fingerprint) < (held.rank, held.fingerprint)
    return Ruling.CONFLICT_WON if lower else Ruling.CONFLICT_LOST
