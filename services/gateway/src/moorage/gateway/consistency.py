"""How old knowledge may be for what: the tiers of staleness (authorization.md §3.3), as a pure function.

Where knowledge is too old the authority is asked, at head; whether its own knowledge is too old is for it to say. Past
that there is no answer (503): never an allow, never a 403 or 404.
"""

from dataclasses import dataclass
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
        limits = (self.fresh, self.aging, self.push, self.pull, self.public)
        return Tier(1 + sum(staleness > limit for limit in limits))


def ground(action: Action, visibility: Visibility, tier: Tier, *, serve_stale: bool = False) -> Ground:
    """What a decision about `action` on an image of `visibility` may rest on in `tier`."""
    if action in (Action.DELETE, Action.DELETE_TAG, Action.MANAGE):
        return Ground.AUTHORITY
    if action is Action.PUSH:
        return Ground.LOCAL if tier <= Tier.AGING else Ground.AUTHORITY
    last = Tier.STALE_R if visibility is Visibility.PUBLIC else Tier.STALE_P
    return Ground.LOCAL if tier <= last or serve_stale else Ground.AUTHORITY
