"""Parts are few enough and small enough, however large a blob may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.storage.drivers.s3.part_sizes import LARGEST_BLOB, MIB, MOST_PARTS, SMALLEST, part_size


@given(largest=st.integers(1, LARGEST_BLOB))
def test_the_parts_of_the_largest_blob_are_enough(largest: int) -> None:
    """9000 at most, none larger than S3 takes, in whole mebibytes, never smaller than the one before."""
    sizes = [part_size(before, largest) for before in range(MOST_PARTS)]
    assert sum(sizes) >= largest
    assert sizes == sorted(sizes)
    assert sizes[0] == SMALLEST
    assert sizes[-1] <= 5 * 2**30
    assert all(size % MIB == 0 for size in {sizes[0], sizes[-1]})


@pytest.mark.parametrize(("largest", "last"), [(50 * 2**30, 8), (70 * 2**30, 8), (100 * 2**30, 15), (2**40, 226)])
def test_only_a_very_large_blob_takes_larger_parts(largest: int, last: int) -> None:
    """In MiB, and from the middle on."""
    assert part_size(0, largest) == part_size(4499, largest) == 8 * MIB
    assert part_size(4500, largest) == part_size(9999, largest) == last * MIB
