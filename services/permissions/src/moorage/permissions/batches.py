"""A batch of records before anything is applied: decoded, and judged by what their source may say."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from moorage.events.decoding import Fact, FactIgnored, FactInvalid, decode_fact
from moorage.events.facts import STATE_TYPES
from moorage.events.plain_edges import EdgeReader, PlainEdge
from moorage.events.signals import ChecksumStated, Heartbeat, SnapshotCompleted, SnapshotStarted
from moorage.permissions.reconcile.tables import TABLES
from moorage.permissions.records import Source, SourceKind
from moorage.permissions.slots import Table
from moorage.permissions.source_scope import fits_partition, may_say


class Record(Struct, frozen=True, gc=False):
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


Like = tuple[str, str, str, str, str]
"""What decides who may tell an edge, and where it is kept: event source, type, workspace, kinds of both ends."""


@dataclass(frozen=True, slots=True)
class EdgeGroup:
    """Edges that are alike, as their records say them; nothing is odd about them, and the source may tell them."""

    source: Source
    table: Table
    workspace: UUID
    told: list[PlainEdge] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


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

    `edges` are the facts that were read the shortest way; to know their order among the others, see `spell_out`.
    `snapshots` is what belongs to snapshots (their ends and the facts tagged with them), `checksums` what sources
    state to be compared; both in their order.
    """

    facts: list[Told] = field(default_factory=list)
    edges: dict[Like, EdgeGroup] = field(default_factory=dict)
    snapshots: list[Told] = field(default_factory=list)
    checksums: list[Told] = field(default_factory=list)
    heartbeats: list[tuple[Heartbeat, Source]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    silent: list[Record] = field(default_factory=list)
    tellers: dict[tuple[str, str, UUID | None], Source] = field(default_factory=dict)
    """Who may tell something of a workspace, and where, is the same for all facts of one kind."""

    def spell_out(self) -> None:
        """Makes facts like all others of the edges."""
        groups, edges = list(self.edges.values()), list[Told]()
        self.edges.clear()
        for group in groups:
            edges += [Told(decode_fact(record.body), group.source, record) for record in group.records]
        self.facts[:] = sorted([*self.facts, *edges], key=lambda told: told.record.pos)

    def in_turn(self, refused: Iterable[Refused]) -> tuple[list[Refused], list[Refused]]:
        """Those of the refused records that a later fact of the batch goes beyond, and the others.

        To be asked when all is read, and spelled out.
        """
        refused = list(refused)
        lost = {each.record.pos for each in refused}
        waiting: dict[tuple[UUID | None, str | None], list[Refused]] = defaultdict(list)
        latest: dict[tuple[UUID | None, str | None], int] = {}
        passed = list[Refused]()
        read: list[Told | Refused] = [*(told for told in self.facts if told.record.pos not in lost), *refused]
        for each in sorted(read, key=lambda told: told.record.pos):
            if isinstance(each, Refused):
                waiting[each.workspace, each.key].append(each)
                continue
            place, version = (each.fact.workspace, each.fact.key), each.fact.data.version or 0
            if version > latest.get(place, -1):
                latest[place] = version
                passed += waiting.pop(place, [])
        return passed, [each for some in waiting.values() for each in some]


def sort_batch(
    records: Iterable[Record],
    sources: Sequence[Source],
    part: int | None = None,
    batch: Sorted | None = None,
    reader: EdgeReader | None = None,
) -> Sorted:
    """Reads every record; whatever is in it, the answer is a fact or a reason. `part` is their partition, if any.

    What is read is added to `batch`, if there is one already. With a `reader` edges are read the shortest way.
    """
    batch = batch or Sorted()
    for record in records:
        edge = reader.read(record.body) if reader else None
        if edge is None or not _join(batch, record, edge):
            _read(batch, record, sources, part, edge)
    return batch


def _join(batch: Sorted, record: Record, edge: PlainEdge) -> bool:
    """Adds the edge to those like it; False if it is the first of them, and nobody was asked yet who may tell it."""
    group = batch.edges.get(_like(edge))
    if group is None:
        return False
    group.told.append(edge)
    group.records.append(record)
    return True


def _like(edge: PlainEdge) -> Like:
    return edge.source, edge.type, edge.workspace, edge.a_kind, edge.b_kind


def _read(batch: Sorted, record: Record, sources: Sequence[Source], part: int | None, edge: PlainEdge | None) -> None:
    try:
        fact = decode_fact(record.body)
    except FactIgnored:
        batch.silent.append(record)
        return
    except FactInvalid as error:
        batch.refused.append(Refused(record, error.reason, error.detail, error.workspace, error.key))
        return
    data = fact.data
    like = (fact.event.source, fact.event.type, data.workspace)
    source = batch.tellers.get(like) if data.version is not None and data.snapshot is None else None
    # What is of no workspace has a partition by its own id.
    if source is None or not (data.workspace or part is None or fits_partition(fact, part)):
        source = _sort(batch, record, fact, sources, part)
        if source is None:
            return
        if type(data) in STATE_TYPES:
            batch.tellers[like] = source
    if edge is None or source.spec.kind is SourceKind.MANUAL:
        batch.facts.append(Told(fact, source, record))
    else:
        batch.edges[_like(edge)] = EdgeGroup(source, TABLES[type(data)], data.workspace, [edge], [record])


def _sort(batch: Sorted, record: Record, fact: Fact, sources: Sequence[Source], part: int | None) -> Source | None:
    """Answers who tells it, if it is a fact to be applied now; otherwise it is put where it belongs."""
    source = next((each for each in sources if may_say(each, fact)), None)
    reason = _objection(fact, source, part)
    if reason or source is None:
        # Without its heartbeat a lane stands still by itself.
        holds = not isinstance(fact.data, Heartbeat)
        batch.refused.append(Refused(record, reason or "source", "", fact.workspace, fact.key, holds))
    elif isinstance(fact.data, Heartbeat):
        batch.heartbeats.append((fact.data, source))
    elif isinstance(fact.data, ChecksumStated):
        batch.checksums.append(Told(fact, source, record))
    elif fact.data.snapshot is not None and fact.workspace is not None:
        batch.snapshots.append(Told(fact, source, record))
    else:
        return source
    return None


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
