"""The gateways that enforce, as values: who is one, how far all have come, and who may still serve (§3.2, §3.6)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access.consistency import ConsistencyToken


@dataclass(frozen=True, slots=True)
class FleetMember:
    """A gateway as it reported last. `serves_for`: the seconds of silence it may go on deciding through, if they end.

    It measures them by its own clock from a moment before the report arrived, and is forgotten GRACE_SECONDS later, so
    it stops before it is forgotten. Reports may overtake each other: of one gateway the longest silence counts.
    """

    id: UUID
    applied: ConsistencyToken
    seen_at: datetime
    serves_for: float | None

    def gone(self, now: datetime) -> bool:
        """Whether it has been silent for longer than it can serve, whatever our clocks differ by."""
        return self.serves_for is not None and (now - self.seen_at).total_seconds() > self.serves_for + GRACE_SECONDS

    def after(self, former: "FleetMember") -> "FleetMember":
        """This report, with the longest silence that any has told of."""
        told = (self.serves_for, former.serves_for)
        longest = None if None in told else max(each for each in told if each is not None)
        return replace(self, serves_for=longest)

    def silent(self, now: datetime) -> bool:
        """Whether it has missed several reports."""
        return (now - self.seen_at).total_seconds() > SILENCE_SECONDS


SILENCE_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 30.0
"""By so much the clocks of permissions' servers may differ, and a gateway's may lose in a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """All gateways that may decide something now."""

    members: tuple[FleetMember, ...]
    now: datetime

    @classmethod
    def of(cls, members: Iterable[FleetMember], now: datetime) -> "Fleet":
        """Those that have not gone."""
        return cls(tuple(each for each in members if not each.gone(now)), now)

    @property
    def heard(self) -> "Fleet":
        """Those that report."""
        return Fleet(tuple(each for each in self.members if not each.silent(self.now)), self.now)

    @property
    def minimum(self) -> ConsistencyToken | None:
        """What every gateway has passed; None without any."""
        return min((each.applied for each in self.members), default=None)

    def reached(self, token: ConsistencyToken) -> bool:
        """Whether every gateway enforces `token`."""
        return all(each.applied >= token for each in self.members)

    def confirmed(self, token: ConsistencyToken) -> list[UUID]:
        """The gateways that enforce `token`."""
        return [each.id for each in self.members if each.applied >= token]

    def waiting(self, token: ConsistencyToken) -> list[UUID]:
        """Those that don't yet."""
        return [each.id for each in self.members if each.applied < token]

    @property
    def unconfirmed(self) -> list[UUID]:
        """Those that are silent and may serve stale pulls for ever."""
        return [each.id for each in self.members if each.serves_for is None and each.silent(self.now)]
