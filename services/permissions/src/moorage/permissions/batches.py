"""A batch of records before anything is applied: decoded, and judged by what their source may say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from moorage.events.decoding import Fact, FactIgnored, FactInvalid, decode_fact
from moorage.events.facts import STATE_TYPES
from moorage.events.signals import ChecksumStated, Heartbeat, SnapshotCompleted, SnapshotStarted
from moorage.permissions.reconcile.tables import TABLES
from moorage.permissions.records import Source, SourceKind
from moorage.permissions.source_scope import fits_partition, may_say


class Record(NamedTuple):
    """The bytes of one event, its line or offset, and when the transport says it was written (since 1970)."""

    pos: int
    body: bytes
    milliseconds: int | None = None

    @property
    def at(self) -> datetime | None:
        """When it was written, if the transport says so."""
        return None if self.milliseconds is None else datetime.fromtimestamp(self.milliseconds / 1000, UTC)


class Told(NamedTuple):
    """A fact, who told it, and in which record."""

    fact: Fact
    source: Source
    record: Record


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that can't be applied, and what could be read of it.

    `holds` says whether it may have been a revocation, so that freshness is held for it.
    """

    record: Record
    reason: str
    detail: str = ""
    workspace: UUID | None = None
    key: str | None = None
    holds: bool = True


@dataclass(frozen=True)
class Sorted:
    """A batch after reading: facts with their sources in their order, heartbeats, refusals, and what says nothing.

    `snapshots` is what belongs to snapshots (their ends and the facts tagged with them), `checksums` what sources
    state to be compared; both in their order. `unsettled` are the workspaces and keys of refused records that no later
    fact of the batch goes beyond.
    """

    facts: list[Told] = field(default_factory=list)
    snapshots: list[Told] = field(default_factory=list)
    checksums: list[Told] = field(default_factory=list)
    heartbeats: list[tuple[Heartbeat, Source]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    silent: list[Record] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)
    """Of each refused record, how many facts came before it."""

    def accept(self, told: Told) -> None:
        """Adds a fact."""
        self.facts.append(told)

    def refuse(self, refused: Refused) -> None:
        """Adds a record that can't be applied."""
        self.refused.append(refused)
        self.behind.append(len(self.facts))

    @cached_property
    def unsettled(self) -> frozenset[tuple[UUID | None, str]]:
        """The workspaces and keys of refused records that no later fact of the batch goes beyond.

        To be asked when all is read.
        """
        found: set[tuple[UUID | None, str]] = set()
        latest: dict[tuple[UUID | None, str], int] = {}
        refused = zip(self.behind, self.refused, strict=True)
        at, bad = next(refused, (-1, None))
        for number, told in enumerate([*self.facts, None] if self.refused else ()):
            while bad is not None and at == number:
                if bad.key:
                    found.add((bad.workspace, bad.key))
                at, bad = next(refused, (-1, None))
            if told is not None:
                place, version = (told.fact.workspace, told.fact.key), told.fact.data.version or 0
                if version > latest.get(place, -1):
                    latest[place] = version
                    found.discard(place)
        return frozenset(found)


def sort_batch(
    records: Iterable[Record], sources: Sequence[Source], part: int | None = None, batch: Sorted | None = None
) -> Sorted:
    """Reads every record; whatever is in it, the answer is a fact or a reason. `part` is their partition, if any.

    What is read is added to `batch`, if there is one already.
    """
    batch = batch or Sorted()
    # Who may tell something of a workspace, and where, is the same for all facts of one kind.
    told: dict[tuple[str, str, UUID | None], Source] = {}
    for record in records:
        try:
            fact = decode_fact(record.body)
        except FactIgnored:
            batch.silent.append(record)
        except FactInvalid as error:
            batch.refuse(Refused(record, error.reason, error.detail, error.workspace, error.key))
        else:
            data = fact.data
            like = (fact.event.source, fact.event.type, data.workspace)
            known = told.get(like)
            if known is not None and data.version is not None and data.snapshot is None:
                batch.facts.append(Told(fact, known, record))
                continue
            source = next((each for each in sources if may_say(each, fact)), None)
            if _sort(batch, record, fact, source, part) and source is not None and type(data) in TABLES:
                told[like] = source
    return batch


def _sort(batch: Sorted, record: Record, fact: Fact, source: Source | None, part: int | None) -> bool:
    """Answers whether it is a fact to be applied."""
    reason = _objection(fact, source, part)
    if reason is None and source is not None and type(fact.data) in STATE_TYPES and fact.data.snapshot is None:
        batch.accept(Told(fact, source, record))
        return True
    if reason or source is None:
        # Without its heartbeat a lane stands still by itself.
        holds = not isinstance(fact.data, Heartbeat)
        batch.refuse(Refused(record, reason or "source", "", fact.workspace, fact.key, holds))
    elif isinstance(fact.data, Heartbeat):
        batch.heartbeats.append((fact.data, source))
    elif isinstance(fact.data, ChecksumStated):
        batch.checksums.append(Told(fact, source, record))
    elif fact.data.snapshot is not None and fact.workspace is not None:
        batch.snapshots.append(Told(fact, source, record))
    else:
        batch.accept(Told(fact, source, record))
    return False


def _objection(fact: Fact, source: Source | None, part: int | None) -> str | None:
    """Why a well-formed fact can't be applied."""
    if source is None:
        return "source"
    if part is not None and not fits_partition(fact, part):
        return "partition"
    data, manual = fact.data, source.spec.kind is SourceKind.MANUAL
    if type(data) in STATE_TYPES:
        return None if manual or data.version is not None else "version_missing"
    if isinstance(data, Heartbeat):
        return "heartbeat_of_a_manual_source" if manual else None
    if manual or isinstance(data, SnapshotCompleted):
        return None
    stated = data.as_of_version if isinstance(data, SnapshotStarted | ChecksumStated) else data.version
    return "version_missing" if stated is None else None
