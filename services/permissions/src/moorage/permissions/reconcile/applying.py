"""Applies whole snapshots, narrowing first, in changes of at most a thousand facts; any crash is gone on from (§2.6).

What would vanish is counted beside the order of changes. Then the snapshot is settled, so that no late fact counts any
more, and the turn of each fact is noted, some thousands at a time: others' changes wait for no more than that.

Every step finds in the ledger how far the run has come and judges each fact anew, so steps may be repeated, and any
number of processes may drive one run. Nobody is at any time wider than before it or after it: first everything that
only takes away, then repositories to where they belong, then projects, at last everything that gives.
"""

import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol
from uuid import UUID

import structlog

from moorage.events.checksums import digest
from moorage.events.decoding import Fact, decode_fact
from moorage.permissions import rows
from moorage.permissions.folding import Placed
from moorage.permissions.lookups import Sources
from moorage.permissions.ports import Change, Ledger
from moorage.permissions.reconcile import dead_letters
from moorage.permissions.reconcile.absence import absent
from moorage.permissions.reconcile.pins import SWEEP, pinning
from moorage.permissions.reconcile.staging import UNNUMBERED
from moorage.permissions.reconcile.tables import MODELS, told_by
from moorage.permissions.reconcile_stores import Cursor, Kept, Run, RunState, Staged, Turn
from moorage.permissions.records import Source
from moorage.permissions.slots import Aliases, Slot, Table, entities, slot_of
from moorage.permissions.versions import Held
from moorage.runtime.clock import Clock

STEP: Final = 1000
LOOKS_PER_STEP: Final = 2
"""To note a fact's turn takes so much less than to apply it."""
BRAKE_FACTS: Final = 1000
BRAKE_SHARE: Final = 0.05
ORDER: Final = tuple(MODELS)
_log: Final = structlog.stdlib.get_logger(__name__)


class Store(Protocol):
    """Stores facts with their effects; `beaten` are the slots whose stored facts count for nothing."""

    def __call__(
        self,
        change: Change,
        facts: Sequence[Placed],
        stored: Mapping[Slot, Held],
        aliases: Aliases,
        source: int,
        beaten: frozenset[Slot],
        /,
    ) -> Awaitable[object]: ...


class ApplySnapshots:
    """Drives the runs that are whole."""

    def __init__(self, ledger: Ledger, clock: Clock, store: Store, step: int = STEP) -> None:
        self._ledger = ledger
        self._clock = clock
        self._store = store
        self._step = step

    async def drive(self, seconds: float | None = None) -> bool:
        """Applies what waits, for so long; whether there is anything left to do. Raises LedgerUnavailable."""
        ends = None if seconds is None else time.monotonic() + seconds
        while await self.advance():
            if ends is not None and time.monotonic() > ends:
                return True
        return False

    async def advance(self) -> bool:
        """One step of one run, or of the housekeeping; False if there is nothing to do."""
        async with self._ledger.viewing() as view:
            waiting = [each for each in await view.runs.open() if each.state in (RunState.PLANNING, RunState.APPLYING)]
            uncounted = await view.authorities.uncounted(1)
            leftovers = await view.runs.leftovers()
        if waiting and waiting[0].state is RunState.PLANNING and not waiting[0].settled:
            return await self._foresee(waiting[0].id)
        if waiting:
            return await self._advance(waiting[0].id)
        if uncounted:
            await self._count(*uncounted[0])
            return True
        if not leftovers:
            return False
        async with self._ledger.changing() as change:
            return await change.runs.prune(5 * self._step)

    async def _foresee(self, id: int) -> bool:
        async with self._ledger.viewing() as view:
            run = await view.runs.by_id(id)
            source = await _source_of(view.sources, run)
            if run is None or source is None:
                return True
            vanishing, present = await view.runs.foreseen(run, told_by(source.spec))
        async with self._ledger.changing() as change:
            run = await change.runs.by_id(id)
            if run is not None and run.state is RunState.PLANNING and not run.settled:
                run = replace(run, vanishing=vanishing, present=present)
                await self._decide(change, run, told_by(source.spec))
        return True

    async def _decide(self, change: Change, run: Run, tables: Sequence[Table]) -> None:
        if brakes(run.vanishing, run.present) and not run.confirmed:
            await self._hold(change, run)
        else:
            await self._begin(change, run, tables)

    async def _advance(self, id: int) -> bool:
        async with self._ledger.changing() as change:
            run = await change.runs.by_id(id)
            source = await _source_of(change.sources, run)
            if run is None or source is None:
                return True
            if run.state is RunState.PLANNING and run.cursor is not None:
                await self._plan(change, run, run.cursor, told_by(source.spec))
            elif run.state is RunState.APPLYING and not await self._apply(change, run, source):
                await self._end(change, run, source)
        return True

    async def _plan(self, change: Change, run: Run, at: Cursor, tables: Sequence[Table]) -> None:
        reached = await change.runs.plan(run, at, LOOKS_PER_STEP * self._step)
        await self._plan_from(change, run, reached or _next_table(at.table, tables))

    async def _plan_from(self, change: Change, run: Run, at: Cursor | None) -> None:
        run = replace(run, cursor=at, state=RunState.PLANNING if at else RunState.APPLYING)
        await change.runs.put(run, self._clock.now())

    async def _hold(self, change: Change, run: Run) -> None:
        now = self._clock.now()
        await change.runs.put(replace(run, state=RunState.HELD), now)
        async with pinning(change, [run.workspace]):
            await change.intake.pin(run.workspace, SWEEP, min(run.started_at or now, now))
        _log.error(
            "A snapshot would make very many facts vanish; it is held until the operator confirms or discards it.",
            sweep=run.id,
            workspace=str(run.workspace_id),
            vanishing=run.vanishing,
            present=run.present,
        )

    async def _begin(self, change: Change, run: Run, tables: Sequence[Table]) -> None:
        await change.authorities.settle(run.workspace, tables, run.source, run.as_of)
        await self._plan_from(change, run, Cursor(tables[0]) if tables else None)

    async def _apply(self, change: Change, run: Run, source: Source) -> bool:
        found = await change.runs.next(run, self._step)
        if found is None:
            return False
        turn, slots = found
        kept = {each.slot: each for each in await change.runs.kept(slots)}
        staged = await change.runs.staged(run, slots)
        beaten = {slot for slot, each in kept.items() if each.source != source.id or each.held.version <= run.as_of}
        if turn is Turn.ABSENT:
            told = {each.slot for each in staged}
            facts = [absent(kept[slot], run) for slot in slots if slot in beaten - told and kept[slot].there]
            numbered = [(fact, fact.data.version or 0) for fact in facts]
        else:
            numbered = [_read(each, run) for each in _newest(staged)]
        await self._put(change, numbered, {slot: each.held for slot, each in kept.items()}, source, frozenset(beaten))
        await change.runs.finish(run, slots)
        return True

    async def _put(
        self,
        change: Change,
        numbered: Sequence[tuple[Fact, int]],
        stored: Mapping[Slot, Held],
        source: Source,
        beaten: frozenset[Slot],
    ) -> None:
        aliases = await change.facts.intern({entity for fact, _ in numbered for entity in entities(fact.data)})
        placed = [Placed(fact, slot_of(fact.data, aliases), Held.of(fact.data, at)) for fact, at in numbered]
        await self._store(change, placed, stored, aliases, source.id, beaten)

    async def _end(self, change: Change, run: Run, source: Source) -> None:
        now = self._clock.now()
        await change.runs.put(replace(run, state=RunState.DONE), now)
        await change.requests.answered(source.id, run.workspace)
        await dead_letters.settled_by(change, run, source, now)
        await tell_lanes(change, run.workspace_id)
        _log.info("A snapshot was applied.", workspace=str(run.workspace_id), facts=run.facts, absent=run.vanishing)

    async def _count(self, workspace: int, table: Table) -> None:
        """Counts outside of the order of changes, and adds what has changed meanwhile."""
        facts = checksum = 0
        async with self._ledger.viewing() as view:
            before = (await view.authorities.of([workspace]))[workspace, table]
            after = (0, 0)
            while some := await view.authorities.page(workspace, table, after, 5 * self._step):
                after = (some[-1].slot.a, some[-1].slot.b)
                there = [each for each in some if each.there]
                facts += len(there)
                checksum += sum(_digest(each) for each in there)
        async with self._ledger.changing() as change:
            now = (await change.authorities.of([workspace]))[workspace, table]
            facts, checksum = facts + now.facts - before.facts, checksum + now.checksum - before.checksum
            await change.authorities.recounted(workspace, table, facts, checksum)


async def tell_lanes(change: Change, workspace: UUID) -> None:
    """Tells readers by which lanes the workspace is fed now."""
    found = await change.hierarchy.workspace_by_id(workspace)
    if found is not None:
        lanes = await change.sources.as_of(found)
        change.log.append(rows.with_lanes(rows.workspace_row(found), sorted(lanes)))


def brakes(vanishing: int, present: int) -> bool:
    """Whether so many facts would vanish that a person should look first (§2.6)."""
    return vanishing > BRAKE_FACTS and vanishing > BRAKE_SHARE * present


def _next_table(table: Table, tables: Sequence[Table]) -> Cursor | None:
    later = [each for each in MODELS if each in tables and ORDER.index(each) > ORDER.index(table)]
    return Cursor(later[0]) if later else None


async def _source_of(sources: Sources, run: Run | None) -> Source | None:
    if run is None:
        return None
    return next((each for each in await sources.all() if each.id == run.source), None)


def _newest(staged: Sequence[Staged]) -> list[Staged]:
    """Of a slot, what came live after its snapshot was taken counts if it is newer."""
    return list({each.slot: each for each in sorted(staged, key=lambda each: each.version)}.values())


def _read(staged: Staged, run: Run) -> tuple[Fact, int]:
    return decode_fact(staged.body), run.as_of if staged.version == UNNUMBERED else staged.version


def _digest(kept: Kept) -> int:
    key = MODELS[kept.slot.table].model_validate(dict(kept.data)).key()
    return digest(key, kept.held.version, kept.held.fingerprint)
