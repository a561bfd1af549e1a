"""Epochs in memory."""

from collections.abc import Collection, Sequence
from datetime import datetime

from moorage.permissions.epoch import Epoch
from moorage.permissions.memory.state import State
from moorage.permissions.slots import Table


class MemoryEpochs:
    """See EpochBook."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def begin(self, reason: str, at: datetime, beyond: int = 0) -> Epoch:
        """The next epoch."""
        self._state.epoch = max(self._state.epoch, beyond) + 1
        self._state.epochs[self._state.epoch] = Epoch(self._state.epoch, reason, at)
        return self._state.epochs[self._state.epoch]

    async def current(self) -> Epoch | None:
        """The epoch there is, if it was begun by an operator."""
        return self._state.epochs.get(self._state.epoch)

    async def all(self) -> Sequence[int]:
        """All that were begun by operators."""
        return sorted(self._state.epochs)

    async def workspaces(self, sources: Collection[int]) -> Sequence[int]:
        """The workspaces that these sources have told of."""
        told = self._state.facts.items()
        return sorted(slot.a for slot, kept in told if slot.table is Table.WORKSPACE and kept.source in sources)
