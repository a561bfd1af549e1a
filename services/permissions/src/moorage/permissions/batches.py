"""A batch of records before anything is applied: decoded, and judged by what their source may say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from moorage.events.decoding import Fact, FactIgnored, FactInvalid, decode_fact
from moorage.events.signals import Heartbeat, SnapshotCompleted, SnapshotStarted
from moorage.permissions.records import Source, SourceKind
from moorage.permissions.source_scope import may_say


@dataclass(frozen=True, slots=True)
class Record:
    """The bytes of one event, and its line or offset."""

    pos: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that can't be applied, and what could be read of it."""

    record: Record
    reason: str
    detail: str = ""
    workspace: UUID | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Sorted:
    """A batch after reading: facts with their sources in their order, heartbeats, refusals, and what says nothing.

    `unsettled` are the workspaces and keys of refused records that no later fact of the batch goes beyond.
    """

    facts: list[tuple[Fact, Source]] = field(default_factory=list)
    heartbeats: list[tuple[Heartbeat, Source]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    silent: list[Record] = field(default_factory=list)
    unsettled: set[tuple[UUID | None, str]] = field(default_factory=set)

    latest: dict[tuple[UUID | None, str], int] = field(default_factory=dict)

    def accept(self, fact: Fact, source: Source) -> None:
        """Adds a fact."""
        place, version = (fact.workspace, fact.key), fact.data.version or 0
        self.facts.append((fact, source))
        if version > self.latest.get(place, -1):
            self.latest[place] = version
            self.unsettled.discard(place)

    def refuse(self, refused: Refused) -> None:
        """Adds a record that can't be applied."""
        self.refused.append(refused)
        if refused.key:
            self.unsettled.add((refused.workspace, refused.key))


def sort_batch(records: Iterable[Record], sources: Sequence[Source]) -> Sorted:
    """Reads every record; whatever is in it, the answer is a fact or a reason."""
    batch = Sorted()
    for record in records:
        try:
            fact = decode_fact(record.body)
        except FactIgnored:
            batch.silent.append(record)
        except FactInvalid as error:
            batch.refuse(Refused(record, error.reason, error.detail, error.workspace, error.key))
        else:
            _sort(batch, record, fact, next((each for each in sources if may_say(each, fact)), None))
    return batch


def _sort(batch: Sorted, record: Record, fact: Fact, source: Source | None) -> None:
    reason = _objection(fact, source)
    if reason or source is None:
        batch.refuse(Refused(record, reason or "source", "", fact.workspace, fact.key))
    elif isinstance(fact.data, Heartbeat):
        batch.heartbeats.append((fact.data, source))
    elif fact.event.type.endswith("scm.checksum.v1"):
        batch.silent.append(record)
    else:
        batch.accept(fact, source)


def _objection(fact: Fact, source: Source | None) -> str | None:
    """Why a well-formed fact can't be applied."""
    if source is None:
        return "source"
    # Facts of a snapshot are applied only as a whole, after its end; until that is built they are refused, never
    # half applied.
    if fact.data.snapshot is not None or isinstance(fact.data, SnapshotStarted | SnapshotCompleted):
        return "snapshot_unsupported"
    manual = source.spec.kind is SourceKind.MANUAL
    if isinstance(fact.data, Heartbeat):
        return "heartbeat_of_a_manual_source" if manual else None
    if fact.data.version is None and not manual and not fact.event.type.endswith("scm.checksum.v1"):
        return "version_missing"
    return None
