"""How many records a change takes follows from how long the last one took."""

from moorage.permissions.pace import FEWEST, MOST, Pace


def test_quick_changes_grow_and_slow_ones_shrink() -> None:
    """Step by step upwards, at once downwards, and never beyond the bounds."""
    pace = Pace(1000)
    pace.took(1000, 0.01)
    assert pace.limit == 2000
    pace.took(2000, 0.01)
    assert pace.limit == MOST
    pace.took(2000, 0.3)
    assert pace.limit == 1000
    pace.took(1000, 30.0)
    assert pace.limit == FEWEST


def test_small_changes_tell_nothing() -> None:
    """A heartbeat that waited for its turn is no measure of facts."""
    pace = Pace(1000)
    pace.took(1, 5.0)
    pace.took(0, 0.0)
    assert pace.limit == 1000
