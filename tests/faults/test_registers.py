"""The checker of histories finds what it is there for."""

from math import inf

import pytest

from faults.registers import Operation, first_impossible


def wrote(value: object, start: float, end: float) -> Operation:
    """A write."""
    return Operation(start, end, is_write=True, value=value)


def read(value: object, start: float, end: float) -> Operation:
    """A read."""
    return Operation(start, end, is_write=False, value=value)


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([wrote(1, 0, 1), read(1, 2, 3)], id="one after the other"),
        pytest.param([wrote(1, 0, 1), wrote(2, 2, 5), read(1, 3, 4), read(2, 3, 4)], id="old and new during a write"),
        pytest.param([wrote(1, 0, 1), wrote(2, 2, inf), read(1, 3, 4), read(2, 9, 10)], id="unknown, then seen"),
        pytest.param([wrote(1, 0, 1), wrote(2, 2, inf), read(1, 9, 10)], id="unknown, never seen"),
        pytest.param([wrote(1, 0, 1), wrote(None, 2, 3), read(None, 4, 5)], id="deleted"),
    ],
)
def test_what_can_be_is_allowed(history: list[Operation]) -> None:
    """Whatever overlaps may be in either order."""
    assert first_impossible(history) is None


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([wrote(1, 0, 1), wrote(2, 2, 3), read(1, 4, 5)], id="old after an acknowledged write"),
        pytest.param([wrote(1, 0, 1), read(None, 2, 3)], id="absent after a push"),
        pytest.param([wrote(1, 0, 1), wrote(None, 2, 3), read(1, 4, 5)], id="there after a deletion"),
        pytest.param([wrote(1, 0, 1), wrote(2, 2, 9), read(2, 3, 4), read(1, 5, 6)], id="new, then old"),
        pytest.param([wrote(1, 0, 1), wrote(2, 2, inf), read(2, 3, 4), read(1, 5, 6)], id="unknown: new, then old"),
    ],
)
def test_what_cannot_be_is_found(history: list[Operation]) -> None:
    """The last read is what nothing explains."""
    assert first_impossible(history) == history[-1]
