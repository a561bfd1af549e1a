"""How old what is known of a workspace is, at head: its lanes and its pin (authorization.md §3.1)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from moorage.access.staleness import Bounds, LaneAge, Tier, worst_tier
from moorage.permissions.lanes import LaneClock, as_of_workspace
from moorage.permissions.records import Source, Workspace


@dataclass(frozen=True, slots=True)
class Freshness:
    """Milliseconds since 1970 by lane, the own bounds of lanes that have some, and since when it is pinned.

    Without lanes and pin, as with a manual source, nothing ages.
    """

    lanes: Mapping[str, int] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    pinned: datetime | None = None

    def ages(self, now: datetime) -> list[LaneAge]:
        """The age of each lane and of the pin; the site's bounds judge a pin."""
        ms = now.timestamp() * 1000
        ages = [LaneAge((ms - at) / 1000, self.own.get(lane, {})) for lane, at in self.lanes.items()]
        return [*ages, LaneAge((now - self.pinned).total_seconds(), {})] if self.pinned else ages

    def tier(self, bounds: Bounds, now: datetime) -> Tier:
        """The worst tier of all."""
        return worst_tier(self.ages(now), bounds)

    @property
    def as_of(self) -> datetime | None:
        """Up to when everything is known; None where nothing ages."""
        moments = [datetime.fromtimestamp(at / 1000, UTC) for at in self.lanes.values()]
        return min([*moments, self.pinned] if self.pinned else moments, default=None)

    def lag(self, now: datetime) -> float:
        """The age of the oldest, in seconds; 0 where nothing ages."""
        return max((each.seconds for each in self.ages(now)), default=0.0)


def freshness_of(
    workspace: Workspace | None,
    lanes: Sequence[LaneClock],
    sources: Sequence[Source],
    feeders: Collection[int],
    pinned: datetime | None,
) -> Freshness:
    """What the lanes of a workspace and of the identity topic say; of a workspace nobody knows, the latter only."""
    moments = as_of_workspace(lanes, sources, None)
    if workspace is not None:
        moments |= as_of_workspace(lanes, sources, workspace, feeders)
    bounds = {each.id: each.spec.bounds for each in sources if each.spec.bounds}
    return Freshness(moments, own_bounds(moments, bounds), pinned)


def own_bounds(lanes: Mapping[str, int], by_source: Mapping[int, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """By lane, the bounds of its source, for sources that declare any. A lane's key begins with its source's number."""
    found = {}
    for lane in lanes:
        own = by_source.get(int(lane[1:].partition("p")[0]))
        if own:
            found[lane] = dict(own)
    return found
