"""Snapshots and sums for replicas: made once for all gateways that ask at about one time (authorization.md §2.6)."""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Snapshot
from moorage.access.packing import pack
from moorage.access.sums import WorkspaceSum
from moorage.permissions.ports import Ledger, View
from moorage.runtime.clock import Clock

KEPT_SECONDS: Final = 300.0
KEPT_BYTES: Final = 256 * 1024 * 1024
SUM_KEPT_SECONDS: Final = 30.0
"""Counting a large workspace takes the database seconds: gateways remember their own sums so far back."""


@dataclass(frozen=True, slots=True)
class _Kept:
    position: ConsistencyToken
    data: bytes
    made_at: float


class SnapshotFiles:
    """The newest file of each workspace, and of the global part (None)."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._files: dict[UUID | None, _Kept] = {}
        self._sums: dict[UUID, tuple[WorkspaceSum, float]] = {}
        self._turns: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    async def file(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> bytes:
        """A packed snapshot at that position or later, by default at head; empty for an unknown workspace.

        An older one is as good for who applies the stream from there. Raises LedgerUnavailable.
        """
        head = await self._ledger.head()
        wanted = head if at_least is None else max(at_least, ConsistencyToken(head.epoch, 0))
        async with self._turn("file", workspace):
            self._forget_old()
            kept = self._files.get(workspace)
            if kept is None or kept.position < wanted:
                kept = await self._make(workspace)
            return kept.data

    async def sum(self, workspace: UUID) -> WorkspaceSum:
        """The sum over the workspace, at a position of the last half minute. Raises LedgerUnavailable."""
        head = await self._ledger.head()
        async with self._turn("sum", workspace):
            kept = self._sums.get(workspace)
            if kept is not None and kept[0].epoch == head.epoch and self._age(kept[1]) < SUM_KEPT_SECONDS:
                return kept[0]
            async with self._ledger.viewing() as view:
                found = await view.hierarchy.workspace_by_id(workspace)
                total = await view.snapshots.sum(found) if found else 0
                made = WorkspaceSum(epoch=view.token.epoch, seq=view.token.seq, sum=total)
            self._sums[workspace] = made, self._clock.monotonic()
            return made

    async def _make(self, workspace: UUID | None) -> _Kept:
        async with self._ledger.viewing() as view:
            kept = _Kept(view.token, await _packed(view, workspace), self._clock.monotonic())
        self._files[workspace] = kept
        while len(self._files) > 1 and sum(len(each.data) for each in self._files.values()) > KEPT_BYTES:
            del self._files[min(self._files, key=lambda each: self._files[each].made_at)]
        return kept

    def _forget_old(self) -> None:
        for workspace in [each for each, kept in self._files.items() if self._age(kept.made_at) > KEPT_SECONDS]:
            del self._files[workspace]

    def _age(self, made_at: float) -> float:
        return self._clock.monotonic() - made_at

    def _turn(self, what: str, workspace: UUID | None) -> asyncio.Lock:
        """Who comes second waits for the first, and takes what that one made."""
        return self._turns.setdefault((what, workspace), asyncio.Lock())


async def _packed(view: View, workspace: UUID | None) -> bytes:
    found = await view.hierarchy.workspace_by_id(workspace) if workspace else None
    if workspace and found is None:
        return pack(Snapshot(epoch=view.token.epoch, seq=view.token.seq, rows=[]))
    return await view.snapshots.packed(found, view.token, await view.sources.as_of(found))
