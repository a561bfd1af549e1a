"""How many records a change takes: as many as can be applied while others wait for their turn without harm."""

from collections.abc import Callable
from typing import Final

FEWEST: Final = 500
MOST: Final = 2000
"""More would keep the loop of this process, and those of gateways, from everything else for too long at once."""
_FIRST: Final = 1000
_SECONDS: Final = 0.15
"""So long a change may hold the turn."""
_FOLLOWED_SECONDS: Final = 0.1
"""The same while gateways follow: a revocation from another topic waits behind it, and they have its rows to apply."""


class Pace:
    """What fits in a change, by how long the last one took."""

    def __init__(self, limit: int = _FIRST, followed: Callable[[], bool] = lambda: False) -> None:
        """`followed` says whether gateways follow the change stream now."""
        self.limit = limit
        self._followed = followed

    def took(self, records: int, seconds: float) -> None:
        """A change of so many records took so long, the wait for its turn included; small ones tell nothing."""
        if records < self.limit // 2:
            return
        may_take = _FOLLOWED_SECONDS if self._followed() else _SECONDS
        fitting = round(records * may_take / max(seconds, 0.001))
        self.limit = max(FEWEST, min(fitting, 2 * self.limit, MOST))
