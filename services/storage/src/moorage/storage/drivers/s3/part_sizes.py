"""How large the parts of a multipart upload are. Pure.

S3 takes 10,000 parts of 5 MiB to 5 GiB each, the last one may be smaller. Numbers that were given out and then not used
(a part that was refused, a holder that died) count too, so a tenth is left for them.
"""

from typing import Final

MIB: Final = 2**20
SMALLEST: Final = 8 * MIB
MOST_PARTS: Final = 9000
MOST_NUMBERS: Final = 10_000
LARGEST_BLOB: Final = 5 * 2**40
"""What S3 takes as one object, in bytes."""

_SMALL_PARTS: Final = MOST_PARTS // 2


def part_size(before: int, largest: int) -> int:
    """The size of the part with `before` numbers before it, of a blob that may grow to `largest` bytes.

    The first half have 8 MiB, so that only a very large blob takes more memory; the others what is needed so that
    9000 are enough, in whole MiB. Up to 70 GiB that is 8 MiB too.
    """
    if before < _SMALL_PARTS:
        return SMALLEST
    rest = largest - _SMALL_PARTS * SMALLEST
    return max(SMALLEST, -(-rest // (MIB * (MOST_PARTS - _SMALL_PARTS))) * MIB)
