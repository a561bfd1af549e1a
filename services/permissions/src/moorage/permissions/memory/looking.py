"""The past in memory: states as they were, and what differs between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from moorage.access.consistency import ConsistencyToken
from moorage.permissions.history import Position
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.memory.cases import MemoryCases
from moorage.permissions.memory.credentials import MemoryCredentials
from moorage.permissions.memory.freshness import MemoryFreshness
from moorage.permissions.memory.hierarchy import MemoryHierarchy
from moorage.permissions.memory.history import MemoryHistory
from moorage.permissions.memory.holders import MemoryHolders
from moorage.permissions.memory.images import MemoryImages
from moorage.permissions.memory.standings import MemoryStandings
from moorage.permissions.memory.state import State

REMEMBERED: Final = 200


@dataclass(frozen=True, slots=True)
class Former:
    """A state with the change that led to it: seen from `frame` on, `seq` is the position after it."""

    frame: int
    seq: int
    at: datetime
    state: State


class MemoryLooking:
    """See Looking."""

    def __init__(self, former: Sequence[Former], state: State, token: ConsistencyToken, moment: datetime) -> None:
        self.token = token
        self.moment = moment
        self.hierarchy = MemoryHierarchy(state)
        self.standings = MemoryStandings(state, moment)
        self.cases = MemoryCases(state, moment)
        self.images = MemoryImages(state)
        self.credentials = MemoryCredentials(state)
        self.freshness = MemoryFreshness(state)
        self.holders = MemoryHolders(state)
        self.history = MemoryHistory([(each.frame, each.at, each.state) for each in former])


def look(former: Sequence[Former], head: State, at: Position, now: datetime) -> MemoryLooking:
    """The view of a position. Raises PositionUnknown for one that is not remembered, or of another epoch."""
    newest = ConsistencyToken(head.epoch, head.seq)
    if at.token is None and at.moment is None:
        return MemoryLooking(former, head, newest, now)
    if at.token is None:
        seen = [each for each in former if at.moment is not None and each.at <= at.moment]
    elif at.token.epoch != newest.epoch or at.token.seq > newest.seq:
        raise PositionUnknown
    else:
        seen = [each for each in former if each.frame <= at.token.seq]
    if not seen:
        raise PositionUnknown
    token = at.token or ConsistencyToken(newest.epoch, seen[-1].seq)
    return MemoryLooking(seen, seen[-1].state, token, at.moment or seen[-1].at)
