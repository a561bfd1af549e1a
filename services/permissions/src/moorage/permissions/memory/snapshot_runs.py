"""Runs of sources' snapshots in memory."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from moorage.access.frames import EntityKind
from moorage.events.checksums import MODULUS
from moorage.events.node_facts import RepositorySet
from moorage.permissions.memory.authorities import home, kept
from moorage.permissions.memory.state import State
from moorage.permissions.reconcile.staging import UNNUMBERED
from moorage.permissions.reconcile.tables import is_there
from moorage.permissions.reconcile_stores import Cursor, Kept, Run, Staged, Turn
from moorage.permissions.slots import Entity, Slot, Table
from moorage.permissions.versions import Held


class MemoryRuns:
    """See SnapshotRuns."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def open(self) -> Sequence[Run]:
        """Every run that has not ended."""
        return [run for run in self._state.runs.values() if run.state.open]

    async def by_id(self, id: int) -> Run | None:
        """The run with this id."""
        return self._state.runs.get(id)

    async def named(self, workspace: int, source: int, name: str) -> Run | None:
        """The source's run of this name."""
        wanted = (workspace, source, name)
        found = (run for run in self._state.runs.values() if (run.workspace, run.source, run.name) == wanted)
        return next(found, None)

    async def begin(self, run: Run, at: datetime) -> Run:
        """Keeps a new run."""
        kept = replace(run, id=len(self._state.runs) + 1, started_at=at)
        self._state.runs[kept.id] = kept
        return kept

    async def put(self, run: Run, at: datetime) -> None:
        """Replaces what is kept."""
        self._state.runs[run.id] = run

    async def stage(self, run: Run, facts: Sequence[Staged]) -> Run:
        """Stages facts."""
        for each in facts:
            before = self._state.staged.get((run.id, each.slot, each.live))
            if before is None or (each.version, -each.rank) > (before.version, -before.rank):
                self._state.staged[run.id, each.slot, each.live] = each
        mine = [each for (id, _, live), each in self._state.staged.items() if id == run.id and not live]
        counted = [each.digest for each in mine if is_there(each.slot.table, each.rank)]
        run = replace(run, facts=len(counted), checksum=sum(counted) % MODULUS)
        self._state.runs[run.id] = run
        return run

    async def staged(self, run: Run, slots: Collection[Slot]) -> Sequence[Staged]:
        """What is staged for these slots."""
        keys = [(run.id, slot, live) for slot in slots for live in (False, True)]
        found = [self._state.staged[key] for key in keys if key in self._state.staged]
        return sorted(found, key=lambda each: each.version)

    async def plan(self, run: Run, after: Cursor, limit: int) -> Cursor | None:
        """Notes the turns of the table's next facts."""
        newest = self._newest(run, after.table)
        slots = self._stored(run, after.table) | set(newest)
        later = sorted(slot for slot in slots if (slot.a, slot.b) > (after.a, after.b))
        for slot in later[:limit]:
            turn = self._turn(run, slot, newest.get(slot))
            if turn is not None:
                self._state.planned[run.id, slot] = turn
        return Cursor(after.table, later[limit - 1].a, later[limit - 1].b) if len(later) > limit else None

    async def foreseen(self, run: Run, tables: Collection[Table]) -> tuple[int, int]:
        """How many facts would become absent, and how many are there."""
        vanishing = present = 0
        for table in tables:
            newest = self._newest(run, table)
            for slot in self._stored(run, table):
                vanishing += self._turn(run, slot, newest.get(slot)) is Turn.ABSENT
                present += is_there(table, self._state.facts[slot].held.rank)
        return vanishing, present

    def _stored(self, run: Run, table: Table) -> set[Slot]:
        return {slot for slot in self._state.facts if home(slot) == run.workspace and slot.table is table}

    def _newest(self, run: Run, table: Table) -> dict[Slot, Staged]:
        mine = (each for (id, slot, _), each in self._state.staged.items() if id == run.id and slot.table is table)
        return {each.slot: each for each in sorted(mine, key=lambda each: each.version)}

    def _turn(self, run: Run, slot: Slot, staged: Staged | None) -> Turn | None:
        stored = self._state.facts.get(slot)
        held = stored.held if stored else None
        if staged is None:
            beaten = stored and held and (held.version <= run.as_of or stored.source != run.source)
            return Turn.ABSENT if beaten and held and is_there(slot.table, held.rank) else None
        if stored and stored.source == run.source and not stored.disputed and _same(stored.held, staged):
            return None
        if held and staged.rank < held.rank and staged.parent in (0, self._parent(slot)):
            return Turn.NARROWER
        if held is None and slot.table is Table.PROJECT and not is_there(slot.table, staged.rank):
            return Turn.NARROWER
        if slot.table is Table.REPOSITORY:
            return Turn.REPOSITORIES
        return Turn.PROJECTS if slot.table in (Table.PROJECT, Table.ENVIRONMENT) else Turn.WIDER

    def _parent(self, slot: Slot) -> int:
        found = self._state.repositories.get(slot.a)
        data = self._state.facts[slot].data
        if not isinstance(data, RepositorySet) or found is None or found.project is None:
            return 0
        return self._state.aliases[Entity(EntityKind.PROJECT, data.workspace, found.project)]

    async def planned(self, run: Run) -> Mapping[Turn, int]:
        """How many facts wait for each turn."""
        return Counter(turn for (id, _), turn in self._state.planned.items() if id == run.id)

    async def next(self, run: Run, limit: int) -> tuple[Turn, Sequence[Slot]] | None:
        """The next facts of the first turn."""
        mine = {slot: turn for (id, slot), turn in self._state.planned.items() if id == run.id}
        if not mine:
            return None
        first = min(mine.values())
        return first, [slot for slot, turn in mine.items() if turn is first][:limit]

    async def finish(self, run: Run, slots: Collection[Slot]) -> None:
        """These have had their turn."""
        for slot in slots:
            self._state.planned.pop((run.id, slot), None)
            self._state.staged.pop((run.id, slot, False), None)
            self._state.staged.pop((run.id, slot, True), None)

    async def kept(self, slots: Collection[Slot]) -> Sequence[Kept]:
        """What is stored in these slots."""
        return [kept(self._state, slot) for slot in slots if slot in self._state.facts]

    async def leftovers(self) -> bool:
        """Whether an ended run has something staged."""
        keys = [key[0] for key in self._state.staged] + [key[0] for key in self._state.planned]
        return any(not self._state.runs[id].state.open for id in keys)

    async def prune(self, limit: int) -> bool:
        """Forgets some of what ended runs have staged."""
        ended = {run.id for run in self._state.runs.values() if not run.state.open}
        staged = [key for key in self._state.staged if key[0] in ended][:limit]
        planned = [key for key in self._state.planned if key[0] in ended][:limit]
        for key in staged:
            del self._state.staged[key]
        for place in planned:
            del self._state.planned[place]
        return bool(staged or planned)


def _same(held: Held, staged: Staged) -> bool:
    return held.fingerprint == staged.fingerprint and staged.version in (UNNUMBERED, held.version)
