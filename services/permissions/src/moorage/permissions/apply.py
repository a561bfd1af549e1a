"""Facts come true: one batch, one change, for HTTP and Kafka alike (authorization.md §2.3, §2.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from moorage.access import wire
from moorage.access.frames import Row
from moorage.access.problems import FactsRefused
from moorage.events.decoding import Fact
from moorage.events.identity_facts import CredentialSet
from moorage.events.plain_edges import EdgeReader
from moorage.permissions import rows
from moorage.permissions.batches import Record, Refused, Sorted, sort_batch
from moorage.permissions.edge_rulings import FoldedEdges, Ruled
from moorage.permissions.edges import place, store
from moorage.permissions.folding import Placed, fold, number, turns
from moorage.permissions.ports import Change, Ledger
from moorage.permissions.reconcile import comparison, dead_letters, express, staging, sums, takeovers
from moorage.permissions.reconcile.admission import admit
from moorage.permissions.reconcile.applying import STEP, ApplySnapshots, tell_lanes
from moorage.permissions.records import Source, SourceKind
from moorage.permissions.repository_effects import Move, RepositoryEffects, follow
from moorage.permissions.slots import Aliases, Slot, Table, entities, slot_of
from moorage.permissions.stores import Advance, Lane
from moorage.permissions.versions import Held, Ruling, judge
from moorage.runtime.clock import Clock

WHOLE_WITHIN_SECONDS: Final = 10.0
"""So long an HTTP batch that completes a snapshot waits for its facts; what is left is applied behind it."""
_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The next records of a partition, read by what these sources may say, and the step that goes with them."""

    batch: Sorted
    sources: Sequence[Source]
    step: Advance


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the facts of a batch, and the repositories whose images have to follow them."""

    applied: int = 0
    unchanged: int = 0
    stale: int = 0
    conflicts: int = 0
    moves: tuple[Move, ...] = ()


class Apply:
    """Applies batches; a batch is seen by readers as a whole or not at all."""

    def __init__(self, ledger: Ledger, clock: Clock, step: int = STEP) -> None:
        """`step` is how many facts of a snapshot one change applies at most."""
        self._ledger = ledger
        self._clock = clock
        self._reader = EdgeReader()
        self.snapshots = ApplySnapshots(ledger, clock, self._store_whole, step)

    async def over_http(self, source: Source, records: Sequence[Record]) -> wire.IngestAnswer:
        """Applies a source's batch. Raises FactsRefused (manual sources), SourceBusy."""
        batch = sort_batch(records, [source], reader=self._reader)
        if batch.refused:
            _refuse_by_hand(source, batch.refused)
        async with self._ledger.changing(source.id) as change:
            began = self._clock.now()
            counts, refused = await self._apply(change, batch, Lane(source.id), [source])
            _refuse_by_hand(source, refused)
            await self._hear(change, [(Lane(source.id), batch)], began)
            await follow(change, counts.moves, self._clock.now())
            token = change.log.token
        if staging.ends(batch.snapshots) and not await self.snapshots.drive(WHOLE_WITHIN_SECONDS):
            token = await self._ledger.head()
        return wire.IngestAnswer(
            applied=counts.applied,
            unchanged=counts.unchanged,
            stale_dropped=counts.stale,
            conflicts=counts.conflicts,
            refused=_told(refused),
            token=str(token),
        )

    async def over_kafka(self, sources: Sequence[Source], records: Sequence[Record], step: Advance) -> Counts:
        """Applies a partition's next records and moves its position with them. Raises PositionMoved."""
        [(counts, _)] = await self.partitions(
            [Stretch(sort_batch(records, sources, step.part, reader=self._reader), sources, step)]
        )
        return counts

    async def partitions(self, stretches: Sequence[Stretch]) -> list[tuple[Counts, Sequence[Refused]]]:
        """Applies stretches of different partitions in one change, all or none; answers for each what became of it.

        Raises PositionMoved.
        """
        async with self._ledger.changing() as change:
            await change.intake.advance([each.step for each in stretches])
            return await self.within(change, stretches)

    async def within(self, change: Change, stretches: Sequence[Stretch]) -> list[tuple[Counts, Sequence[Refused]]]:
        """The same in a change that is open already and moves the positions itself."""
        done, began = list[tuple[Counts, Sequence[Refused]]](), self._clock.now()
        for each in stretches:
            done.append(await self._apply(change, each.batch, _lane(each), each.sources))
        await self._hear(change, [(_lane(each), each.batch) for each in stretches], began)
        await follow(change, [move for counts, _ in done for move in counts.moves], self._clock.now())
        return done

    async def _apply(
        self, change: Change, batch: Sorted, lane: Lane, sources: Sequence[Source]
    ) -> tuple[Counts, list[Refused]]:
        """Answers what became of the facts, and what could not be applied."""
        now = self._clock.now()
        edges = await self._edges(change, batch)
        named = {entity for told in batch.facts for entity in entities(told.fact.data)}
        aliases = await change.facts.intern(named)
        counts, kept, refused = Counts(unchanged=len(batch.silent)), list[Placed](), list(batch.refused)
        stored = await store(change, edges, now)
        counts = _sum(counts, *map(_counted, stored))
        for source in {told.source.id: told.source for told in batch.facts}.values():
            own = [told for told in batch.facts if told.source.id == source.id]
            admitted = await admit(change, own, aliases, source, now)
            some, done = await self._take(change, admitted.facts, aliases, source)
            kept, counts = kept + some, _sum(counts, done, Counts(stale=admitted.late, applied=admitted.waiting))
            refused += admitted.refused
            for joined in admitted.joined:
                await tell_lanes(change, joined)
        if batch.snapshots:
            refused += await staging.take(change, batch.snapshots, now)
            counts = _sum(counts, Counts(applied=len(batch.snapshots)))
        # As if one record came after the other: a newer version sets free what came before it, and nothing else.
        passed, open_ = batch.in_turn(refused) if refused else ([], [])
        await dead_letters.bury(change, passed, lane, sources, now)
        await dead_letters.settle(change, kept, [each.kept for each in stored], lane)
        await dead_letters.bury(change, open_, lane, sources, now)
        await comparison.compare(change, batch.checksums, now)
        return _sum(counts, Counts(applied=len(batch.heartbeats) + len(batch.checksums))), refused

    async def _edges(self, change: Change, batch: Sorted) -> Sequence[FoldedEdges]:
        """Those of the batch that can be stored by columns; the others are facts like all."""
        if not batch.edges:
            return []
        homes = {each.workspace for each in batch.edges.values()}
        plain = not (batch.refused or batch.snapshots or homes & await takeovers.underway(change))
        placed = await place(change, batch.edges.values()) if plain else None
        if placed is None:
            batch.spell_out()
        return placed or []

    async def _hear(self, change: Change, batches: Sequence[tuple[Lane, Sorted]], began: datetime) -> None:
        """Notes the heartbeats behind all facts of the change that began then, and applies what they set free."""
        heard: dict[Lane, datetime] = {}
        for where, batch in batches:
            for heartbeat, source in batch.heartbeats:
                lane = Lane(source.id, where.topic, where.part)
                heard[lane] = max(heartbeat.as_of, heard.get(lane, heartbeat.as_of))
        if heard:
            # A source whose clock is ahead knows no more than what it has said by then.
            await change.sources.heard({lane: min(as_of, began) for lane, as_of in heard.items()})
            await self._let_go(change)

    async def _let_go(self, change: Change) -> None:
        """Applies the re-activations that the heartbeats have freed (§2.1)."""
        for source, facts in (await express.due(change)).items():
            aliases = await change.facts.intern({entity for fact in facts for entity in entities(fact.data)})
            placed = [
                Placed(each, slot_of(each.data, aliases), Held.of(each.data, each.data.version or 0)) for each in facts
            ]
            stored = dict(await change.facts.held({each.slot for each in placed}))
            await self._store(change, placed, stored, aliases, source)

    async def _take(
        self, change: Change, own: Sequence[Fact], aliases: Aliases, source: Source
    ) -> tuple[list[Placed], Counts]:
        """Stores a source's facts; answers those that replaced what was stored."""
        placed = [(fact, slot_of(fact.data, aliases)) for fact in own]
        stored = dict(await change.facts.held({slot for _, slot in placed}))
        by_hand = source.spec.kind is SourceKind.MANUAL
        facts, counter = number(placed, stored, await self._counter(change, source) if by_hand else 0)
        if by_hand:
            await change.sources.count(source.id, counter)
        beaten = await self._beaten(change, facts, source)
        counts, kept = Counts(), list[Placed]()
        for turn in turns(facts):
            some, done = await self._store(change, turn, stored, aliases, source.id, beaten)
            stored |= {each.slot: each.held for each in some}
            beaten -= {each.slot for each in some}
            kept, counts = kept + some, _sum(counts, done)
        return kept, counts

    async def _beaten(self, change: Change, facts: Sequence[Placed], source: Source) -> frozenset[Slot]:
        homes = {each.fact.data.workspace for each in facts} - {None}
        taken = homes & await takeovers.underway(change) if homes else frozenset()
        slots = {each.slot for each in facts if each.fact.data.workspace in taken}
        return await takeovers.leftovers(change, slots, source)

    async def _counter(self, change: Change, source: Source) -> int:
        now = await change.sources.named(source.spec.name)
        return now.counter if now else 0

    async def _store_whole(
        self,
        change: Change,
        facts: Sequence[Placed],
        stored: Mapping[Slot, Held],
        aliases: Aliases,
        source: int,
        beaten: frozenset[Slot],
    ) -> None:
        """Stores all facts of a change; their images follow."""
        _, counts = await self._store(change, facts, stored, aliases, source, beaten)
        await follow(change, counts.moves, self._clock.now())

    async def _store(
        self,
        change: Change,
        facts: Sequence[Placed],
        stored: Mapping[Slot, Held],
        aliases: Aliases,
        source: int,
        beaten: frozenset[Slot] = frozenset(),
    ) -> tuple[list[Placed], Counts]:
        """Stores facts with their effects; what is stored in `beaten` slots is replaced whatever its version."""
        folded = fold(facts)
        rulings = [(each, judge(_known(stored, each.slot, beaten), each.held)) for each in folded.facts]
        kept = [each for each, ruling in rulings if ruling.replaces]
        effects = await RepositoryEffects.before(change, kept, self._clock.now())
        changed = [each for each, ruling in rulings if ruling.changes or (ruling.replaces and effects.revives(each))]
        await change.facts.put(kept, aliases, source, self._clock.now())
        await sums.note(change, kept, stored, source)
        disputed = {each.slot for each, ruling in rulings if ruling.disputes} | (
            {each.slot for each in folded.disputed}
            & {each.slot for each, ruling in rulings if ruling is not Ruling.STALE}
        )
        if disputed:
            _log.warning("Two values claim one version; the lower privilege is kept.", keys=len(disputed))
            await change.facts.dispute(disputed)
        await self._tell(change, changed, aliases, effects)
        moves = await effects.after(change, source)
        return kept, Counts(
            len(changed),
            folded.repeats + sum(ruling in (Ruling.REPEAT, Ruling.RENEW) for _, ruling in rulings),
            folded.stale + sum(ruling is Ruling.STALE for _, ruling in rulings),
            len(disputed),
            tuple(moves),
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
            elif each.slot.table is Table.CREDENTIAL and isinstance(data, CredentialSet):
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


def _lane(stretch: Stretch) -> Lane:
    return Lane(stretch.sources[0].id if stretch.sources else 0, stretch.step.topic, stretch.step.part)


def _counted(ruled: Ruled) -> Counts:
    count = ruled.count
    return Counts(
        len(ruled.changed.told),
        count.get(Ruling.REPEAT, 0) + count.get(Ruling.RENEW, 0),
        count.get(Ruling.STALE, 0),
        len(ruled.disputed.told),
    )


def _known(stored: Mapping[Slot, Held], slot: Slot, beaten: frozenset[Slot]) -> Held | None:
    held = stored.get(slot)
    return Held(-1, held.fingerprint, held.rank) if held is not None and slot in beaten else held


def _refuse_by_hand(source: Source, refused: Sequence[Refused]) -> None:
    if refused and source.spec.kind is SourceKind.MANUAL:
        raise FactsRefused("nothing was applied; correct these lines", refused=_told(refused))


def _told(refused: Sequence[Refused]) -> list[dict[str, object]]:
    return [{"line": each.record.pos, "reason": each.reason, "detail": each.detail} for each in refused]


def _sum(*counts: Counts) -> Counts:
    return Counts(
        sum(each.applied for each in counts),
        sum(each.unchanged for each in counts),
        sum(each.stale for each in counts),
        sum(each.conflicts for each in counts),
        tuple(move for each in counts for move in each.moves),
    )
