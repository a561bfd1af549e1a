"""A sum over what a workspace's replica holds, which SQL and Python compute alike (authorization.md §2.6, "Checksums").

Each edge, node and image adds a 62-bit term made of its aliases and value; the sum modulo 2^64 says in O(1) per change
whether two copies at one seq hold the same. It finds mistakes, not forgeries: whoever could send a replica false rows
is the authority itself.
"""

from collections.abc import Sequence
from operator import mul
from typing import Final

from pydantic import BaseModel, ConfigDict

from moorage.access.frames import EntityKind, RowKind
from moorage.access.packed import KINDS, Packed

FIRST_FACTOR: Final = 1_558_675_309
SECOND_FACTOR: Final = 1_987_654_373
FIRST_PRIME: Final = 2_147_483_647
SECOND_PRIME: Final = 2_147_483_629
NODES: Final = 1 << 40
IMAGES: Final = 1 << 41
SUM_MASK: Final = (1 << 64) - 1

SQL_TERM: Final = (
    f"((k::bigint * {FIRST_FACTOR} + t) % {FIRST_PRIME}) * ((k::bigint * {SECOND_FACTOR} + t) % {SECOND_PRIME})"
)
"""The term in SQL over columns `k` (int) and `t` (bigint): every step fits in a bigint."""


def term(key: int, told: int) -> int:
    """What `told` about the alias `key` adds; both are positive, `key` below 2^30 and `told` below 2^61."""
    return (key * FIRST_FACTOR + told) % FIRST_PRIME * ((key * SECOND_FACTOR + told) % SECOND_PRIME)


def terms(key: int, told: Sequence[int]) -> int:
    """The sum of the terms of everything told about one alias, in ascending order.

    A remainder is the number less a constant where no multiple of the prime lies between the first and the last one:
    then the sum of (a + each) * (b + each) is one of powers.
    """
    if not told:
        return 0
    first, second = key * FIRST_FACTOR, key * SECOND_FACTOR
    one, other = (first + told[0]) // FIRST_PRIME, (second + told[0]) // SECOND_PRIME
    if (first + told[-1]) // FIRST_PRIME == one and (second + told[-1]) // SECOND_PRIME == other:
        a, b = first - one * FIRST_PRIME, second - other * SECOND_PRIME
        squares: int = sum(map(mul, told, told))
        return squares + (a + b) * sum(told) + a * b * len(told)
    return sum([(first + each) % FIRST_PRIME * ((second + each) % SECOND_PRIME) for each in told])


def node_term(node: int, parent: int, kind: int, state: int) -> int:
    """The term of a node; `kind` is its place in EntityKind."""
    return term(node, NODES + (parent << 8 | kind << 4 | state))


def image_term(image: int, acl_seq: int) -> int:
    """The term of an image record: its `acl_seq` stands for everything that the record says."""
    return term(image, IMAGES + acl_seq)


class WorkspaceSum(BaseModel):
    """The authority's sum over a workspace, and the position it is of."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    epoch: int
    seq: int
    sum: int


def sum_of(packed: Packed) -> int:
    """The sum over a packed snapshot of a workspace. Raises PackedUnreadable."""
    total, start = 0, 0
    for key, end in zip(packed.edges.keys, packed.edges.ends, strict=True):
        total += terms(key, packed.edges.targets[start:end])
        start = end
    for node, parent, state, extra in packed.table(RowKind.NODE):
        total += node_term(node, parent, KINDS.index(EntityKind((extra or {})["kind"])), state)
    for image, _, _, extra in packed.table(RowKind.IMAGE):
        total += image_term(image, (extra or {})["acl_seq"])
    return total & SUM_MASK
