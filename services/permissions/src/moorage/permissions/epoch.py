"""An epoch, as a value."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch that an operator has begun, because history may have been rewritten."""

    id: int
    reason: str
    at: datetime
