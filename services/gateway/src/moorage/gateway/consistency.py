"""How old knowledge may be for what: the words of moorage.access.staleness, as the gateway uses them (§3.3).

Where knowledge is too old the authority is asked, at head; whether its own knowledge is too old is for it to say. Past
that there is no answer (503): never an allow, never a 403 or 404.
"""

from moorage.access.staleness import Bounds, Ground, LaneAge, Tier, ground, worst_tier

__all__ = ["Bounds", "Ground", "LaneAge", "Tier", "ground", "worst_tier"]
