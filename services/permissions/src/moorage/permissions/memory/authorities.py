"""Who is the authority for each kind of fact in a workspace, and what is held of it, in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from moorage.events.checksums import MODULUS
from moorage.events.facts import PREFIX
from moorage.permissions.memory.state import State
from moorage.permissions.reconcile.tables import is_there
from moorage.permissions.reconcile_stores import Counted, Holding, Kept
from moorage.permissions.slots import Slot, Table


class MemoryAuthorities:
    """See Authorities."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def of(self, workspaces: Collection[int]) -> Mapping[tuple[int, Table], Holding]:
        """What is held of these workspaces."""
        return {place: holding for place, holding in self._state.authorities.items() if place[0] in workspaces}

    async def add(self, source: int, counted: Mapping[tuple[int, Table], Counted]) -> None:
        """Adds to what is held."""
        for place, each in counted.items():
            known = self._state.authorities.get(place, Holding(source))
            self._state.authorities[place] = replace(
                known,
                facts=known.facts + each.facts,
                checksum=(known.checksum + each.checksum) % MODULUS,
                high=max(known.high, each.high),
            )

    async def settle(self, workspace: int, tables: Collection[Table], source: int, floor: int) -> None:
        """The source is the authority from now on."""
        for table in tables:
            known = self._state.authorities.get((workspace, table), Holding(source))
            same = known.source == source
            self._state.authorities[workspace, table] = replace(
                known,
                source=source,
                floor=max(known.floor, floor) if same else floor,
                high=known.high if same else -1,
            )

    async def recounted(self, workspace: int, table: Table, facts: int, checksum: int) -> None:
        """What was counted from the facts themselves."""
        known = self._state.authorities[workspace, table]
        counted = replace(known, facts=facts, checksum=checksum % MODULUS, counted=True)
        self._state.authorities[workspace, table] = counted

    async def doubted(self, workspaces: Collection[int]) -> None:
        """To be counted again."""
        for place, holding in self._state.authorities.items():
            if place[0] in workspaces:
                self._state.authorities[place] = replace(holding, counted=False)

    async def uncounted(self, limit: int) -> Sequence[tuple[int, Table]]:
        """Where facts were never counted."""
        return [place for place, holding in self._state.authorities.items() if not holding.counted][:limit]

    async def page(self, workspace: int, table: Table, after: tuple[int, int], limit: int) -> Sequence[Kept]:
        """The stored facts, in the order of their slots."""
        mine = [slot for slot in self._state.facts if home(slot) == workspace and slot.table is table]
        later = sorted((slot for slot in mine if (slot.a, slot.b) > after), key=lambda slot: (slot.a, slot.b))
        return [kept(self._state, slot) for slot in later[:limit]]

    async def compared(self, workspace: int, source: int, equal: bool, at: datetime) -> tuple[int, datetime]:
        """Notes a comparison."""
        times, since = self._state.differences.pop((workspace, source), (0, at))
        if equal:
            return 0, at
        self._state.differences[workspace, source] = (times + 1, since)
        return times + 1, since


def home(slot: Slot) -> int:
    """The workspace a slot belongs to."""
    return slot.a if slot.table is Table.WORKSPACE else slot.ws


def kept(state: State, slot: Slot) -> Kept:
    """What is stored in a slot that is not empty."""
    stored = state.facts[slot]
    data = stored.data.model_dump(mode="json", by_alias=True)
    there = is_there(slot.table, stored.held.rank)
    return Kept(slot, stored.held, stored.source, there, PREFIX + stored.data.suffix, data)
