"""Lanes: how current each source is, and which of them a workspace's knowledge rests on (authorization.md §3.1)."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from moorage.events.facts import PREFIX
from moorage.events.topics import AUTHORITY, IDENTITY
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
        return f"{'i' if self.of_identity else 's'}{self.source}p{self.part}"

    @property
    def of_identity(self) -> bool:
        """Whether it is a lane of the identity topic."""
        return self.topic.startswith("identity.")

    @property
    def milliseconds(self) -> int:
        """As of when everything is known; 0 for a lane that was never heard."""
        moments = [each for each in (self.as_of, self.pinned_since) if each is not None]
        return int(min(moments).timestamp() * 1000) if self.as_of else 0


def as_of_all(lanes: Iterable[LaneClock], sources: Iterable[Source]) -> dict[str, int]:
    """Every lane's moment; those of the identity topic are there from the declaration of a source that feeds it."""
    return dict.fromkeys(_identity_lanes(sources), 0) | {lane.key: lane.milliseconds for lane in lanes}


def as_of_workspace(
    lanes: Sequence[LaneClock], sources: Sequence[Source], workspace: Workspace | None, feeders: Collection[int] = ()
) -> dict[str, int]:
    """The lanes of the workspace, 0 for one that was never heard; the identity topic's lanes for the global part.

    A workspace rests on the source that told us of it and on all `feeders`; a manual one has no lane and never ages.
    """
    if workspace is None:
        return as_of_all([each for each in lanes if each.of_identity], sources)
    of = {workspace.source, *feeders}
    known = {each.key: each for each in lanes if each.source in of}
    keys = [_main_lane(each, workspace.id) for each in sources if each.id in of]
    return {key: known[key].milliseconds if key in known else 0 for key in keys if key is not None}


def oldest_main(
    lanes: Sequence[LaneClock], sources: Sequence[Source], fed: Iterable[tuple[UUID, int]]
) -> datetime | None:
    """Up to when all lanes know everything that feed workspaces (uuid, source); None if there are none."""
    by_id = {each.id: each for each in sources}
    moments = as_of_all(lanes, sources)
    keys = {_main_lane(by_id[source], workspace) for workspace, source in fed if source in by_id}
    known = [moments.get(key, 0) for key in keys if key is not None]
    return datetime.fromtimestamp(min(known) / 1000, UTC) if known else None


def _main_lane(source: Source, workspace: UUID) -> str | None:
    if source.spec.kind is SourceKind.MANUAL:
        return None
    part = f"p{AUTHORITY.partition_of(workspace)}" if source.spec.transport is Transport.KAFKA else ""
    return f"s{source.id}{part}"


def _identity_lanes(sources: Iterable[Source]) -> Iterator[str]:
    for source in sources:
        types = source.spec.types
        tells = types is None or any(each.startswith(f"{PREFIX}identity.") for each in types)
        if source.spec.kind is SourceKind.CONTINUOUS and source.spec.transport is Transport.KAFKA and tells:
            yield from (f"i{source.id}p{part}" for part in range(IDENTITY.partitions))
