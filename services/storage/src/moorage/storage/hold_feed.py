"""What a process learns of changes that others are about to make. See tests/contracts/hold_feed.py."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Poll:
    """What one look at the holds saw.

    `window`: how long after a look begins it may be relied on; whoever changes waits for as long. `held`: images whose
    hold has not ended. `moved`: images held since the last look, ended or not. Unless it `continues` from the last
    look, others may have been missed.
    """

    window: timedelta
    continues: bool
    held: frozenset[UUID] = field(default_factory=frozenset)
    moved: frozenset[UUID] = field(default_factory=frozenset)


class HoldFeed(Protocol):
    """One per process: it knows what it has told before."""

    async def poll(self) -> Poll:
        """Looks at all holds at one moment after the call. Raises Unavailable."""
        ...
