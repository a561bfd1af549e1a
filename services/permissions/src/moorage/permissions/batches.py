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
    """A batch after reading: facts with their sources in their order, heartbeats, refusals, and what says nothing."""

    facts: list[tuple[Fact, Source]] = field(default_factory=list)
    heartbeats: list[tuple[Heartbeat, Source]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    silent: int = 0


def sort_batch(records: Iterable[Record], sources: Sequence[Source]) -> Sorted:
    """Reads every record; whatever is in it, the answer is a fact or a reason."""
    facts: list[tuple[Fact, Source]] = []
    heartbeats: list[tuple[Heartbeat, Source]] = []
    refused: list[Refused] = []
    silent = 0
    for record in records:
        try:
            fact = decode_fact(record.body)
        except FactIgnored:
            silent += 1
            continue
        except FactInvalid as error:
            refused.append(Refused(record, error.reason, error.detail, error.workspace, error.key))
            continue
        source = next((each for each in sources if may_say(each, fact)), None)
        reason = _objection(fact, source)
        if reason or source is None:
            refused.append(Refused(record, reason or "source", "", fact.workspace, fact.key))
        elif isinstance(fact.data, Heartbeat):
            heartbeats.append((fact.data, source))
        elif fact.event.type.endswith("scm.checksum.v1"):
            silent += 1
        else:
            facts.append((fact, source))
    return Sorted(facts, heartbeats, refused, silent)


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
