"""Facts come true: one batch, one change, for HTTP and Kafka alike (authorization.md §2.3, §2.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from moorage.access import wire
from moorage.access.frames import EntityKind, Row
from moorage.access.problems import FactsRefused
from moorage.events.decoding import Fact
from moorage.events.identity_facts import CredentialSet
from moorage.permissions import rows
from moorage.permissions.batches import Record, Refused, Sorted, sort_batch
from moorage.permissions.folding import Placed, fold, number, turns
from moorage.permissions.ports import Change, Ledger
from moorage.permissions.records import Source, SourceKind
from moorage.permissions.repository_effects import RepositoryEffects
from moorage.permissions.slots import Aliases, Entity, Slot, Table, entities, slot_of
from moorage.permissions.stores import DeadLetter, Lane
from moorage.permissions.versions import Held, Ruling, judge
from moorage.runtime.clock import Clock

_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Advance:
    """The step of a partition that goes with a batch."""

    topic: str
    part: int
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the facts of a batch."""

    applied: int = 0
    unchanged: int = 0
    stale: int = 0
    conflicts: int = 0


class Apply:
    """Applies batches; a batch is seen by readers as a whole or not at all."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def over_http(self, source: Source, records: Sequence[Record]) -> wire.IngestAnswer:
        """Applies a source's batch. Raises FactsRefused (manual sources), SourceBusy."""
        batch = sort_batch(records, [source])
        if batch.refused and source.spec.kind is SourceKind.MANUAL:
            raise FactsRefused("nothing was applied; correct these lines", refused=_told(batch.refused))
        async with self._ledger.changing(source.id) as change:
            counts = await self._apply(change, batch, Lane(source.id))
            return wire.IngestAnswer(
                applied=counts.applied,
                unchanged=counts.unchanged,
                stale_dropped=counts.stale,
                conflicts=counts.conflicts,
                refused=_told(batch.refused),
                token=str(change.log.token),
            )

    async def over_kafka(self, sources: Sequence[Source], records: Sequence[Record], step: Advance) -> Counts:
        """Applies a partition's next records and moves its position with them. Raises PositionMoved."""
        batch = sort_batch(records, sources)
        first = sources[0].id if sources else 0
        async with self._ledger.changing() as change:
            await change.intake.advance(step.topic, step.part, step.old, step.new)
            return await self._apply(change, batch, Lane(first, step.topic, step.part))

    async def _apply(self, change: Change, batch: Sorted, lane: Lane) -> Counts:
        named = {entity for fact, _ in batch.facts for entity in entities(fact.data)}
        named |= {Entity(EntityKind.WORKSPACE, None, each.workspace) for each in batch.refused if each.workspace}
        aliases = await change.facts.intern(named)
        counts, kept = Counts(unchanged=len(batch.silent)), list[Placed]()
        for source in {source.id: source for _, source in batch.facts}.values():
            own = [fact for fact, its in batch.facts if its.id == source.id]
            some, done = await self._take(change, own, aliases, source)
            kept, counts = kept + some, _sum(counts, done)
        await self._bury(change, batch.refused, lane, aliases)
        await self._release(
            change, [each for each in kept if (each.fact.workspace, each.fact.key) not in batch.unsettled]
        )
        for heartbeat, source in batch.heartbeats:
            # A source whose clock is ahead knows no more than what it has said by now.
            as_of = min(heartbeat.as_of, self._clock.now())
            await change.sources.heard(Lane(source.id, lane.topic, lane.part), as_of)
        return _sum(counts, Counts(applied=len(batch.heartbeats)))

    async def _take(
        self, change: Change, own: Sequence[Fact], aliases: Aliases, source: Source
    ) -> tuple[list[Placed], Counts]:
        """Stores a source's facts; answers those that replaced what was stored."""
        placed = [(fact, slot_of(fact.data, aliases)) for fact in own]
        stored = dict(await change.facts.held({slot for _, slot in placed}))
        facts, counter = number(placed, stored, await self._counter(change, source))
        if source.spec.kind is SourceKind.MANUAL:
            await change.sources.count(source.id, counter)
        counts, kept = Counts(), list[Placed]()
        for turn in turns(facts):
            some, done = await self._store(change, turn, stored, aliases, source.id)
            stored |= {each.slot: each.held for each in some}
            kept, counts = kept + some, _sum(counts, done)
        return kept, counts

    async def _counter(self, change: Change, source: Source) -> int:
        now = await change.sources.named(source.spec.name)
        return now.counter if now else 0

    async def _store(
        self,
        change: Change,
        facts: Sequence[Placed],
        stored: Mapping[Slot, Held],
        aliases: Aliases,
        source: int,
    ) -> tuple[list[Placed], Counts]:
        folded = fold(facts)
        rulings = [(each, judge(stored.get(each.slot), each.held)) for each in folded.facts]
        kept = [each for each, ruling in rulings if ruling.replaces]
        effects = await RepositoryEffects.before(change, kept, self._clock.now())
        changed = [each for each, ruling in rulings if ruling.changes or (ruling.replaces and effects.revives(each))]
        await change.facts.put(kept, aliases, source, self._clock.now())
        disputed = {each.slot for each, ruling in rulings if ruling.disputes} | (
            folded.disputed & {each.slot for each, ruling in rulings if ruling is not Ruling.STALE}
        )
        if disputed:
            _log.warning("Two values claim one version; the lower privilege is kept.", keys=len(disputed))
            await change.facts.dispute(disputed)
        await self._tell(change, changed, aliases, effects)
        await effects.after(change, source)
        return kept, Counts(
            len(changed),
            folded.repeats + sum(ruling in (Ruling.REPEAT, Ruling.RENEW) for _, ruling in rulings),
            folded.stale + sum(ruling is Ruling.STALE for _, ruling in rulings),
            len(disputed),
        )

    async def _tell(
        self, change: Change, changed: Sequence[Placed], aliases: Aliases, effects: RepositoryEffects
    ) -> None:
        for each in changed:
            data, event = each.fact.data, each.fact.event.id
            if each.slot.table is Table.WORKSPACE and data.workspace:
                workspace = await change.hierarchy.workspace_by_id(data.workspace)
                if workspace:
                    change.log.append(rows.workspace_row(workspace), event)
            elif each.slot.table is Table.REPOSITORY:
                change.log.append(effects.row(each, aliases), event)
            elif isinstance(data, CredentialSet):
                change.log.append(await self._credential_row(change, data, each, aliases), event)
            else:
                change.log.append(rows.fact_row(data, each.slot, aliases, each.held.version), event)

    async def _credential_row(self, change: Change, data: CredentialSet, placed: Placed, aliases: Aliases) -> Row:
        """What is stored, not what the fact says: one that was revoked here stays revoked whatever a source thinks."""
        row = rows.fact_row(data, placed.slot, aliases, placed.held.version)
        stored = await change.credentials.by_id(data.id)
        if stored is None:
            return row
        return rows.credential_row(placed.slot.a, row[3], stored.active, stored.expires, placed.held.version)

    async def _bury(self, change: Change, refused: Sequence[Refused], lane: Lane, aliases: Aliases) -> None:
        now = self._clock.now()
        for each in refused:
            ws = aliases[Entity(EntityKind.WORKSPACE, None, each.workspace)] if each.workspace else 0
            pinned = await change.intake.pins(ws) if ws else None
            letter = DeadLetter(lane, each.record.pos, each.reason, each.detail, each.record.body, each.key)
            await change.intake.bury(letter, ws, now)
            if ws and pinned is None:
                change.log.append(rows.pin_row(ws, now))
            _log.error(
                "A fact could not be applied; its workspace's freshness is held.",
                topic=lane.topic,
                part=lane.part,
                pos=each.record.pos,
                reason=each.reason,
                workspace=str(each.workspace) if each.workspace else None,
            )

    async def _release(self, change: Change, kept: Sequence[Placed]) -> None:
        for ws in await change.intake.release({(each.slot.ws or each.slot.a, each.fact.key) for each in kept}):
            change.log.append(rows.pin_row(ws, None))


def _told(refused: Sequence[Refused]) -> list[dict[str, object]]:
    return [{"line": each.record.pos, "reason": each.reason, "detail": each.detail} for each in refused]


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(
        one.applied + other.applied,
        one.unchanged + other.unchanged,
        one.stale + other.stale,
        one.conflicts + other.conflicts,
    )
