"""How old knowledge may be for what: the fail-closed table of authorization.md §3.3, as pure functions.

The gateway asks `ground` whether it may decide by itself, the authority asks `answers` whether its own facts are young
enough to decide at head. Past both there is no answer (503): never an allow, never a 403 or 404.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, IntEnum, auto

from moorage.access.action import Action
from moorage.access.image import Visibility


class Tier(IntEnum):
    """How stale facts are, named for the first thing that is no longer decided here."""

    FRESH = auto()
    AGING = auto()
    STALE_W = auto()
    STALE_P = auto()
    STALE_R = auto()
    STALE_PUBLIC = auto()


class Ground(Enum):
    """What a decision may rest on."""

    LOCAL = auto()
    AUTHORITY = auto()


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds up to which each tier reaches; `serve_stale` lets pulls go on past the last one (default off)."""

    fresh: float = 5.0
    aging: float = 30.0
    push: float = 120.0
    pull: float = 300.0
    public: float = 900.0
    serve_stale: bool = False

    def tier(self, staleness: float) -> Tier:
        """The tier of facts that are `staleness` seconds old."""
        if staleness <= self.fresh <= min(self.aging, self.push, self.pull, self.public):
            return Tier.FRESH
        limits = (self.fresh, self.aging, self.push, self.pull, self.public)
        return Tier(1 + sum(staleness > limit for limit in limits))

    def longest_silence(self, *, public: bool) -> float | None:
        """Seconds after which nothing at all is decided on silence; None if pulls go on for ever.

        `public`: whether any workspace allows public images. Where none does, no image ages as a public one.
        """
        if self.serve_stale:
            return None
        for_members = max(self.fresh, self.aging, self.push, self.pull)
        return max(for_members, self.public) if public else for_members

    def with_own(self, own: Mapping[str, float]) -> "Bounds":
        """These bounds, but for those that a source declares for its own lanes (seconds, by their names)."""
        if not own:
            return self
        return replace(
            self,
            fresh=own.get("fresh", self.fresh),
            aging=own.get("aging", self.aging),
            push=own.get("push", self.push),
            pull=own.get("pull", self.pull),
            public=own.get("public", self.public),
        )


@dataclass(frozen=True, slots=True)
class LaneAge:
    """How many seconds old what one lane told is, and the bounds of its source, if it has its own."""

    seconds: float
    own: Mapping[str, float]


def worst_tier(lanes: Iterable[LaneAge], bounds: Bounds) -> Tier:
    """The worst tier of all lanes, each judged by its own bounds (§3.1); FRESH without any."""
    return max((bounds.with_own(each.own).tier(each.seconds) for each in lanes), default=Tier.FRESH)


def ground(action: Action, visibility: Visibility, tier: Tier, *, serve_stale: bool = False) -> Ground:
    """What a gateway's decision about `action` on an image of `visibility` may rest on in `tier`."""
    if action in (Action.DELETE, Action.DELETE_TAG, Action.MANAGE):
        return Ground.AUTHORITY
    if action is Action.PUSH:
        return Ground.LOCAL if tier <= Tier.AGING else Ground.AUTHORITY
    return Ground.LOCAL if answers(action, visibility, tier) or serve_stale else Ground.AUTHORITY


def answers(action: Action, visibility: Visibility, tier: Tier) -> bool:
    """Whether the authority may decide at head, while its own facts are in `tier`; if not, it is `authority_stale`."""
    if action is not Action.PULL:
        return tier <= Tier.STALE_W
    return tier <= (Tier.STALE_R if visibility is Visibility.PUBLIC else Tier.STALE_P)
