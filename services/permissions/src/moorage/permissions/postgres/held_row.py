"""What the statements of fact tables answer about a slot."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeldRow:
    """What a slot holds; a state's rank follows its code, of which the lowest permits most."""

    ws: int
    a: int
    b: int
    ver: int
    fingerprint: int
    rank: int
