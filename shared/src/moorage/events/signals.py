"""What a source says beside facts: heartbeats, the ends of snapshots, checksums."""

from typing import Literal

from moorage.events.fact_data import FactData, IdentityData, Value, text_of
from moorage.events.fields import Count, Instant, Text, Version


class Heartbeat(IdentityData):
    """Every event of this source up to `as_of` has been sent."""

    source: Text
    as_of: Instant
    mode: Literal["event", "poll"] = "event"
    partition: Count | None = None

    def key(self) -> str:
        return f"hb:{self.source}" if self.partition is None else f"hb:{self.source}:{self.partition}"

    def value(self) -> Value:
        return (text_of(self.as_of), self.mode)


class AuthorityHeartbeat(Heartbeat):
    """A heartbeat of the authority topic."""

    suffix = "scm.heartbeat.v1"


class IdentityHeartbeat(Heartbeat):
    """A heartbeat of the identity topic."""

    suffix = "identity.heartbeat.v1"


class SnapshotStarted(FactData):
    """The facts tagged with this snapshot follow."""

    suffix = "scm.snapshot.started.v1"
    snapshot: Text
    as_of_version: Version | None = None

    def key(self) -> str:
        return f"sn:{self.workspace}"


class SnapshotCompleted(FactData):
    """All facts of the snapshot have been sent."""

    suffix = "scm.snapshot.completed.v1"
    snapshot: Text
    facts: Count
    checksum: Text

    def key(self) -> str:
        return f"sn:{self.workspace}"


class ChecksumStated(FactData):
    """What the source has, to compare with."""

    suffix = "scm.checksum.v1"
    as_of_version: Version | None = None
    facts: Count
    checksum: Text

    def key(self) -> str:
        return f"cs:{self.workspace}"
