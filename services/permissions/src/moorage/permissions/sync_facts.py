"""What is told of a workspace to people who wait for it, as values."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Applied:
    """A fact that changed something."""

    event: str
    at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class SyncFacts:
    """The newest such fact, records that could not be applied, and whether a mass removal waits for confirmation."""

    last_applied: Applied | None
    dead_letters: int
    sweep_held: bool
