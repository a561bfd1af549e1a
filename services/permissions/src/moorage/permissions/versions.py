"""The version rule: what becomes of a fact when one of the same key is stored already (authorization.md §2.3)."""

import hashlib
import json
from dataclasses import dataclass
from enum import Enum

from moorage.events.fact_data import FactData


@dataclass(frozen=True, slots=True)
class Held:
    """What is stored under a key: its version, the fingerprint of its value, and how much it permits."""

    version: int
    fingerprint: int
    rank: int

    @classmethod
    def of(cls, data: FactData, version: int) -> "Held":
        """What is stored once this fact has been applied."""
        return cls(version, fingerprint(data), data.rank)


class Ruling(Enum):
    """What to do with an incoming fact."""

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

    @property
    def replaces(self) -> bool:
        """Whether the incoming value is stored."""
        return self in (Ruling.CHANGE, Ruling.RENEW, Ruling.CONFLICT_WON)

    @property
    def changes(self) -> bool:
        """Whether readers are told."""
        return self in (Ruling.CHANGE, Ruling.CONFLICT_WON)

    @property
    def disputes(self) -> bool:
        """Whether two values claim one version."""
        return self in (Ruling.CONFLICT_LOST, Ruling.CONFLICT_WON)


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


def fingerprint(data: FactData) -> int:
    """64 bits of the value, as a signed integer: equal values of one key have equal fingerprints."""
    text = json.dumps(data.value(), ensure_ascii=False, separators=(",", ":"))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), signed=True)
