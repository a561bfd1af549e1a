"""What frames say beside facts: bounds that lanes have of their own, when the epoch began, and that records of ours
have changed, which somebody may wait for (authorization.md §3.1, §3.2)."""

import asyncio
from collections.abc import Mapping
from typing import Final

from moorage.access.frames import Beat, Delta, RowKind
from moorage.access.staleness import Bounds, LaneAge, Tier, worst_tier

_OURS: Final = frozenset({RowKind.IMAGE, RowKind.WORKSPACE, RowKind.CREDENTIAL})


class Heard:
    """Of the stream that is followed; told by who follows it, after a frame was taken in."""

    def __init__(self) -> None:
        self.bounds: Mapping[str, Mapping[str, float]] = {}
        self.bumped: int | None = None
        self.ours = asyncio.Event()

    def note(self, frame: Delta | Beat) -> None:
        """A frame was taken in."""
        if isinstance(frame, Beat):
            self.bounds, self.bumped = frame.bounds, frame.bumped
        elif any(row[0] in _OURS for row in frame.rows):
            self.ours.set()

    def tier(self, ages: Mapping[str, float], bounds: Bounds) -> Tier:
        """The worst tier of lanes that are so many seconds old; the site's `bounds` judge the stream and pins."""
        if not self.bounds:
            return bounds.tier(max(ages.values()))
        return worst_tier((LaneAge(age, self.bounds.get(lane, {})) for lane, age in ages.items()), bounds)

    def passed_bump(self, moments: Mapping[str, int]) -> bool:
        """Whether all lanes (and a pin) have told since the epoch began: older epochs' tokens count as satisfied."""
        bumped = self.bumped
        return bumped is None or all(at >= bumped for at in moments.values())
