"""Lanes: how current each source is, and which of them a workspace's knowledge rests on (authorization.md §3.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from moorage.events.topics import AUTHORITY
from moorage.permissions.records import Source, SourceKind, Transport, Workspace


@dataclass(frozen=True, slots=True)
class LaneClock:
    """The largest heartbeat of a lane, and since when it is held back."""

    source: int
    topic: str
    part: int
    as_of: datetime | None
    pinned_since: datetime | None

    @property
    def key(self) -> str:
        """The lane's name in frames: `s<source>` over HTTP, `s<source>p<partition>`, `i…` on the identity topic."""
        if not self.topic:
            return f"s{self.source}"
        return f"{'i' if self.topic.startswith('identity.') else 's'}{self.source}p{self.part}"

    @property
    def milliseconds(self) -> int:
        """As of when everything is known; 0 for a lane that was never heard."""
        moments = [each for each in (self.as_of, self.pinned_since) if each is not None]
        return int(min(moments).timestamp() * 1000) if self.as_of else 0


def as_of_all(lanes: Iterable[LaneClock]) -> dict[str, int]:
    """Every lane's moment."""
    return {lane.key: lane.milliseconds for lane in lanes}


def as_of_workspace(
    lanes: Sequence[LaneClock], sources: Iterable[Source], workspace: Workspace | None
) -> dict[str, int]:
    """The workspace's lane, 0 if it was never heard; the identity topic's lanes for the global part.

    A workspace rests on the source that told us of it; a manual one has no lane and never ages.
    """
    moments = as_of_all(lanes)
    if workspace is None:
        return {key: moment for key, moment in moments.items() if key.startswith("i")}
    source = next((each for each in sources if each.id == workspace.source), None)
    if source is None or source.spec.kind is SourceKind.MANUAL:
        return {}
    key = f"s{source.id}"
    if source.spec.transport is Transport.KAFKA:
        key += f"p{AUTHORITY.partition_of(workspace.id)}"
    return {key: moments.get(key, 0)}
