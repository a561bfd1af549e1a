"""How many records a change takes: as many as can be applied while others wait for their turn without harm."""

from typing import Final

FEWEST: Final = 500
MOST: Final = 2000
"""More would keep the loop of this process, and those of gateways, from everything else for too long at once."""
_FIRST: Final = 1000
_SECONDS: Final = 0.15
"""So long a change may hold the turn; a revocation from another topic waits behind it."""


class Pace:
    """What fits in a change, by how long the last one took."""

    def __init__(self, limit: int = _FIRST) -> None:
        self.limit = limit

    def took(self, records: int, seconds: float) -> None:
        """A change of so many records took so long, the wait for its turn included; small ones tell nothing."""
        if records < self.limit // 2:
            return
        fitting = round(records * _SECONDS / max(seconds, 0.001))
        self.limit = max(FEWEST, min(fitting, 2 * self.limit, MOST))
