"""How long a verification counts (R92)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from moorage.runtime.clock import FixedClock
from moorage.storage.object_file import Identity
from moorage.storage.verified_objects import LASTS, SETTLED, VerifiedObjects

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD = int((NOW - timedelta(hours=1)).timestamp() * 1e9)
FILE = Identity(1, 2, 3, OLD, OLD)
KEY = uuid4()


def marked(clock: FixedClock, identity: Identity = FILE, most: int = 10) -> VerifiedObjects:
    """Objects of which one was verified now."""
    objects = VerifiedObjects(clock, most=most)
    objects.note(KEY, identity, clock.now())
    return objects


@pytest.mark.parametrize("name", ["device", "inode", "size", "modified_ns", "changed_ns"])
def test_a_mark_is_of_one_identity(name: str) -> None:
    """Whatever else is there now was not verified; nor is what was, if it comes back."""
    objects = marked(FixedClock(NOW))
    assert objects.holds(KEY, FILE)
    assert not objects.holds(uuid4(), FILE)
    assert not objects.holds(KEY, replace(FILE, **{name: 7}))
    assert not objects.holds(KEY, FILE)


def test_a_mark_ends() -> None:
    """So that a medium that changes under a file is found out."""
    clock = FixedClock(NOW)
    objects = marked(clock)
    clock.advance(LASTS - timedelta(seconds=1))
    assert objects.holds(KEY, FILE)
    clock.advance(timedelta(seconds=1))
    assert not objects.holds(KEY, FILE)


@pytest.mark.parametrize("name", ["modified_ns", "changed_ns"])
def test_a_file_that_changed_just_now_gets_no_mark(name: str) -> None:
    """A second change could leave its times as they are."""
    young = int((NOW - SETTLED).timestamp() * 1e9)
    assert not marked(FixedClock(NOW), replace(FILE, **{name: young + 1_000_000})).holds(KEY, FILE)
    settled = replace(FILE, **{name: young})
    assert marked(FixedClock(NOW), settled).holds(KEY, settled)


def test_marks_are_bounded() -> None:
    """The oldest goes first."""
    objects = marked(FixedClock(NOW), most=2)
    others = [uuid4(), uuid4()]
    for key in others:
        objects.note(key, FILE, NOW)
    assert [objects.holds(key, FILE) for key in (KEY, *others)] == [False, True, True]
