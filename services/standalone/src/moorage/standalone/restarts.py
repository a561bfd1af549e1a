"""How often, and how soon, a worker that has ended is started again. Pure."""

from dataclasses import dataclass
from typing import Final

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 10.0
STEADY_SECONDS: Final = 60.0
MOST_SHORT_LIVES: Final = 10


@dataclass(slots=True)
class Restarts:
    """Of one worker. Who has lived for a minute begins anew."""

    most_short_lives: int = MOST_SHORT_LIVES
    short_lives: int = 0

    def pause_after(self, lived_seconds: float) -> float | None:
        """Seconds until the next start, twice as many each time; None once too many in a row have not lived long."""
        self.short_lives = 1 if lived_seconds >= STEADY_SECONDS else self.short_lives + 1
        if self.short_lives >= self.most_short_lives:
            return None
        return float(min(FIRST_PAUSE_SECONDS * 2 ** (self.short_lives - 1), LONGEST_PAUSE_SECONDS))
